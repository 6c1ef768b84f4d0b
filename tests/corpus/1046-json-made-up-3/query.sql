WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'i INT, l BIGINT, d DOUBLE, s STRING, b BOOLEAN, r ARRAY<INT>, m MAP<STRING,STRING>, n STRUCT<i: INT, s: STRING, r: ARRAY<STRUCT<l: BIGINT>>>, _corrupt_record STRING') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d FROM p ORDER BY k
