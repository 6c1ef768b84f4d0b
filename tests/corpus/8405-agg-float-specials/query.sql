WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, x DOUBLE') AS d FROM events)
)
SELECT g, count(*) AS n, sum(x) AS s, avg(x) AS a, min(x) AS mn, max(x) AS mx, count(DISTINCT x) AS dx, stddev(x) AS sd FROM p GROUP BY g ORDER BY g
