WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRING, d DATE, v INT') AS d FROM events)
)
SELECT 's' AS q, CAST(window.start AS STRING) AS ws, CAST(window.end AS STRING) AS we, sum(v) AS s FROM p GROUP BY window(CAST(s AS TIMESTAMP), '1 hour') UNION ALL SELECT 'd', CAST(window.start AS STRING), CAST(window.end AS STRING), sum(v) FROM p GROUP BY window(CAST(d AS TIMESTAMP), '1 day') UNION ALL SELECT 'e', date_format(window.start, 'dd HH:mm'), date_format(window.end, 'dd HH:mm'), sum(v) FROM p GROUP BY window(CAST(d AS TIMESTAMP), '2 days', '1 day', '-330 minutes') ORDER BY q, ws
