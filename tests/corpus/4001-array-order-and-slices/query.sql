WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, sort_array(l) AS s1, sort_array(l, false) AS s2, sort_array(s, true) AS s3, array_sort(l) AS s4, array_sort(s) AS s5,
 array_sort(l, (a, b) -> CASE WHEN a IS NULL AND b IS NULL THEN 0 WHEN a IS NULL THEN -1 WHEN b IS NULL THEN 1 WHEN a < b THEN 1 WHEN a > b THEN -1 ELSE 0 END) AS s6,
 slice(l, 2, 2) AS c1, slice(l, -2, 5) AS c2, slice(s, 1, 0) AS c3, reverse(l) AS r1, reverse(s) AS r2, flatten(ll) AS f, concat(l, array(id), l) AS cc, arrays_overlap(l, array(9, 3)) AS ao, arrays_overlap(l, array(8)) AS ao2,
 element_at(l, 1) AS e1, element_at(l, -1) AS em1, try_element_at(l, 3) AS te, get(l, 0) AS g0, get(l, -1) AS gm, l[1] AS l1, s[id] AS si, ll[0][1] AS l01 FROM p ORDER BY id
