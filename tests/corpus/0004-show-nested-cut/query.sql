SELECT d.id, d.l, d.m, named_struct('l', d.l, 'n', NULL) AS st FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, m MAP<STRING, STRING>') AS d FROM events) ORDER BY d.id
