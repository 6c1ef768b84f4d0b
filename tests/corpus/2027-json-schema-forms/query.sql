WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'a INT') AS d FROM events
)
SELECT k, from_json(v, 'struct<a:int,b:array<bigint>>') AS s1, from_json(v, concat('a', ' ', 'DOUBLE')) AS s3, from_json(v, 'a INT, `C d` STRING') AS s4, from_json(v, schema_of_json('{"a":1.5,"b":[]}')) AS s5, from_json(CAST(NULL AS STRING), 'a INT') AS s6, typeof(from_json(v, 'A int, b array<struct<x:date>>')) AS ty FROM p ORDER BY k
