WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, array_append(l, 7) AS ap, array_prepend(l, 0) AS pp, array_insert(l, 2, 99) AS i2, array_insert(l, -2, 99) AS im2, array_insert(l, 8, 99) AS i8, array_compact(l) AS cp,
 array_contains(l, 1) AS ct, array_contains(s, 'zz') AS cs, array_distinct(l) AS di, array_except(l, array(1, 5)) AS ex, array_intersect(l, array(1, NULL, 9)) AS it, array_union(l, array(1, NULL, 42)) AS un,
 array_join(s, '-') AS j1, array_join(s, '-', '?') AS j2, array_max(l) AS mx, array_min(l) AS mn, array_position(l, 1) AS po, array_remove(l, 1) AS rm, array_repeat(id, 2) AS rp, array_size(l) AS az, size(l) AS sz, cardinality(s) AS ca FROM p ORDER BY id
