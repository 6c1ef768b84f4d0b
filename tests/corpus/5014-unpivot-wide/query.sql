WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT id, name, x, y FROM (SELECT id, v, id * 2 AS w, CAST(d AS INT) AS e, 1 AS f FROM p) UNPIVOT INCLUDE NULLS ((x, y) FOR name IN ((v, w) AS first, (e, f))) ORDER BY id, name
