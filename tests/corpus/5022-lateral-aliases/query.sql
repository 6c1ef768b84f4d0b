WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT v AS id, id AS old, old + 1 AS nxt, nxt * 2 AS twice, upper(g) AS u, u || k AS uk FROM p ORDER BY old
