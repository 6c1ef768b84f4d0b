WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT a.id, a.v FROM p a LEFT ANTI JOIN p b ON a.v < b.v OR a.k = b.g ORDER BY a.id
