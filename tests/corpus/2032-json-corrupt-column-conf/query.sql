WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'a INT, b INT, _bad STRING') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.* FROM p ORDER BY k
