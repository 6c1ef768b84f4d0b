WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT upper(g) AS u, v % 10 AS m, sum(v) + count(*) * 2 AS t, max(d) - min(d) AS r FROM p GROUP BY ALL HAVING t IS NOT NULL ORDER BY u, m
