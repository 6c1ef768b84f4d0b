WITH p AS (SELECT CAST(key AS STRING) AS k, from_json(CAST(value AS STRING), 'ARRAY<STRUCT<a: INT, b: STRING>>') AS d, from_json(CAST(value AS STRING), 'ARRAY<INT>') AS i, from_json(CAST(value AS STRING), 'ARRAY<STRING>') AS s, from_json(CAST(value AS STRING), 'ARRAY<ARRAY<INT>>') AS n FROM events)
SELECT k, d, size(d) AS n, i, s, n AS nested FROM p ORDER BY k
