WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT a.id AS ai, b.id AS bi, a.g, b.g AS bg FROM p a FULL JOIN p b ON a.g <=> b.g AND a.id < b.id ORDER BY ai, bi
