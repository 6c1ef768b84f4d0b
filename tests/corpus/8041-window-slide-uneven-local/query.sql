WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'u STRING, t TIMESTAMP') AS d FROM events)
)
SELECT date_format(window.start, 'HH:mm XXX') AS s, window.end AS e, u, count(*) AS n FROM p GROUP BY window(t, '100 minutes', '45 minutes', '10 minutes'), u ORDER BY window.start, u NULLS FIRST
