WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<STRUCT<a: INT, b: STRING>>, m MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, to_json(struct(*)) AS j, to_json(struct(*), map('ignoreNullFields', 'false')) AS jn, to_json(l) AS jl, to_json(m) AS jm, to_json(named_struct('s', named_struct('t', id), 'n', NULL)) AS js, to_json(map(id + 0.5, 'v')) AS jk, to_json(array(1, NULL, id)) AS ja, to_json(array(map('a', id))) AS jam, to_json(struct(id), map('pretty', 'true')) AS jp, to_json(named_struct('A b', 1, '', 2)) AS names, from_json(to_json(struct(*)), 'id INT, l ARRAY<STRUCT<a: INT, b: STRING>>') AS rt FROM (SELECT id, l, m FROM (SELECT coalesce(id, 0) AS id, l, m FROM p)) ORDER BY id
