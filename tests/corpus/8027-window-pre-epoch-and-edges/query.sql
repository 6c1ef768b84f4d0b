WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'k2 STRING, t TIMESTAMP') AS d FROM events)
)
SELECT 'T' AS kind, window.start AS s, window.end AS e, count(*) AS n, min(t) AS mn FROM p GROUP BY window(t, '10 minutes') UNION ALL SELECT 'S', window.start, window.end, count(*), min(t) FROM p GROUP BY window(t, '15 minutes', '10 minutes') UNION ALL SELECT 'D', window.start, window.end, count(*), min(t) FROM p GROUP BY window(t, '7 days', '7 days', '4 days') ORDER BY kind, s
