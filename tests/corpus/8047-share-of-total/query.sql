WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, o INT, v INT') AS d FROM events)
)
SELECT g, sum(v) AS s, sum(sum(v)) OVER () AS tot, round(100.0 * sum(v) / sum(sum(v)) OVER (), 2) AS pct, sum(sum(v)) OVER (ORDER BY sum(v) DESC NULLS LAST, g) AS run, rank() OVER (ORDER BY sum(v) DESC) AS rk, max(sum(v)) OVER () - sum(v) AS behind, count(*) / sum(count(*)) OVER () AS cs, lag(g) OVER (ORDER BY sum(v) DESC, g) AS prv, percent_rank() OVER (ORDER BY count(*)) AS pr, cume_dist() OVER (ORDER BY count(*)) AS cd, avg(count(v)) OVER () AS ac, sum(v) > avg(sum(v)) OVER () AS above FROM p GROUP BY g HAVING count(*) > 0 ORDER BY rk, g NULLS LAST
