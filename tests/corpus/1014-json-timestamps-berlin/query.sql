WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 't TIMESTAMP, z INT') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.t, CAST(d.t AS STRING) AS txt, d.z FROM p ORDER BY k
