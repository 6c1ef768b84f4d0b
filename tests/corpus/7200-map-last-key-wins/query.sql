WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, m MAP<STRING, INT>') AS d FROM events)
)
SELECT id, map('a', id, 'b', 2, 'a', 9) AS m1, map_concat(m, map('a', id)) AS m2, str_to_map('a:1,b:2,a:3') AS m3, transform_keys(m, (k, v) -> 'z') AS m4, map_from_entries(array(named_struct('k', 'q', 'v', id), named_struct('k', 'q', 'v', id + 1))) AS m5, map_from_arrays(array(1, 1), array('x', 'y')) AS m6, size(map_concat(m, m)) AS n, map_keys(map('b', 1, 'a', 2, 'b', 3)) AS ks FROM p ORDER BY id
