WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'o STRUCT<x: INT, y: ARRAY<STRUCT<x: INT>>>, s STRING, l ARRAY<INT>, m MAP<STRING, INT>, t STRING, b BINARY, n ARRAY<ARRAY<INT>>, w INT, z INT, _corrupt_record STRING') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.z, d.w, d.o, d._corrupt_record FROM p ORDER BY k
