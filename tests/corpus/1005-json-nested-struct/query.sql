WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'o STRUCT<x: INT, y: STRING, q: STRUCT<r: DOUBLE, t: ARRAY<INT>>>, z INT') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.o, d.o.x, d.o.q, d.o.q.t, d.o IS NULL AS onull, d.z FROM p ORDER BY k
