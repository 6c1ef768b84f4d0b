WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, map_keys(m) AS k, map_values(m) AS v, map_entries(m) AS e, map_from_entries(os) AS fe, map_concat(m, map('n', id)) AS mc, map_contains_key(m, 'b') AS ck, m['a'] AS a, m.c AS c, element_at(m, 'b') AS b, element_at(m, t) AS et, size(m) AS sz, cardinality(mm) AS cm, mm['x'][0] AS mx, mm.z AS mz FROM p WHERE id <> 1 ORDER BY id
