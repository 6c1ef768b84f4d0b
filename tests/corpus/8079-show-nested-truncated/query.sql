WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id INT, s STRUCT<a: INT, b: STRUCT<c: STRING>>, m MAP<STRING, ARRAY<INT>>, l ARRAY<STRING>') AS d FROM events)
)
SELECT id, s, m, l FROM p ORDER BY id
