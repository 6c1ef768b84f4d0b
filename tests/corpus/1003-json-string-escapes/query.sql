WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 's STRING, z INT') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.s, hex(d.s) AS h, length(d.s) AS n, d.z FROM p ORDER BY k
