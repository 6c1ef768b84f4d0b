WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT g, k, v > 7 AS big, count(*) AS n, grouping(g) AS gg, grouping(k) AS gk, grouping_id() AS ga FROM p GROUP BY g, ROLLUP(k), CUBE(v > 7) ORDER BY g NULLS LAST, k NULLS LAST, big NULLS LAST, ga
