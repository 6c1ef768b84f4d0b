WITH p AS (SELECT CAST(key AS STRING) AS k, from_json(CAST(value AS STRING), 'MAP<STRING, INT>') AS m, from_json(CAST(value AS STRING), 'MAP<STRING, STRING>') AS s, from_json(CAST(value AS STRING), 'MAP<STRING, STRUCT<a: INT>>') AS o, from_json(CAST(value AS STRING), 'MAP<STRING, ARRAY<INT>>') AS l FROM events)
SELECT k, m, s, o, l, size(m) AS n FROM p ORDER BY k
