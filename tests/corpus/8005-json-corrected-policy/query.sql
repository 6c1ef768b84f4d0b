WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 't TIMESTAMP, d DATE, x INT') AS d FROM events)
)
SELECT k, t, d, x FROM p ORDER BY k
