WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT id, n, s, e FROM p, LATERAL (SELECT count(*) AS n, sum(b.v) AS s FROM p b WHERE b.k = p.k AND b.id < p.id) LEFT JOIN LATERAL (SELECT explode(l) AS e) x ON e > 1 ORDER BY id, e
