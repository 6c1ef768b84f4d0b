WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, o INT, v INT') AS d FROM events)
)
SELECT g, count(*) AS n, max(rn) AS mrn, sum(CASE WHEN v > prev THEN 1 ELSE 0 END) AS ups, sum(diff) AS dsum, max(cum) AS cum, min(gr) AS gr, max(nt) AS nt FROM (SELECT g, o, v, row_number() OVER w1 AS rn, lag(v) OVER w1 AS prev, v - avg(v) OVER (PARTITION BY g) AS diff, sum(v) OVER (w1) AS cum, dense_rank() OVER w2 AS gr, ntile(2) OVER (PARTITION BY g ORDER BY o DESC) AS nt FROM p WINDOW w1 AS (PARTITION BY g ORDER BY o), w2 AS (ORDER BY g NULLS LAST)) WHERE rn <= 3 GROUP BY g HAVING max(rn) >= 1 ORDER BY g NULLS LAST
