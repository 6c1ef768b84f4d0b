WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, w DECIMAL(38,0), n DECIMAL(20,4), s DECIMAL(3,3)') AS d FROM events)
)
SELECT g, sum(w) AS sw, avg(w) AS aw, sum(n) AS sn, avg(n) AS an, sum(s) AS ss, avg(s) AS a_s, sum(DISTINCT w) AS dw, avg(DISTINCT n) AS dn, max(w) - min(w) AS rng, sum(n) / count(n) AS man, typeof(sum(s)) AS t1, typeof(avg(n)) AS t2, typeof(sum(n) / count(n)) AS t3, try_sum(w) AS tsw, sum(n * s) AS p, typeof(sum(n * s)) AS t4 FROM p GROUP BY g ORDER BY g
