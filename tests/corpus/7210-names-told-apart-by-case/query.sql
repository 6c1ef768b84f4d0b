WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'a INT, A STRING') AS d FROM events
)
SELECT k, d.a, d.A, to_json(d) AS j FROM p ORDER BY k
