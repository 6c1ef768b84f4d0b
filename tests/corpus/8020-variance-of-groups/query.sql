WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, v DOUBLE, i INT') AS d FROM events)
)
SELECT g, i, var_samp(v) OVER w AS vs, var_pop(v) OVER w AS vp, stddev(v) OVER w AS sd, stddev_pop(i) OVER w AS sp, covar_samp(v, i) OVER w AS cs, corr(v, i) OVER w AS co, skewness(v) OVER w AS sk, kurtosis(i) OVER w AS ku, avg(v) OVER w AS a, count(v) OVER w AS n, std(i) OVER w AS s2, variance(i) OVER w AS v2 FROM p WINDOW w AS (PARTITION BY g) ORDER BY g, i NULLS FIRST, v
