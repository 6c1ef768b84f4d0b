WITH p AS (SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, g STRING, k STRING, v INT, d DECIMAL(6,2), t TIMESTAMP, l ARRAY<INT>') AS d FROM events))
SELECT * FROM (SELECT g, k, v > 7 AS big, v, d FROM p) PIVOT (sum(v) AS s, max(d) AS m FOR (k, big) IN (('x', true) AS xt, ('x', false), ('y', true) AS yt)) ORDER BY g
