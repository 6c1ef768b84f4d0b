WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT g, stddev(i) AS a, stddev_pop(d) AS b, var_samp(m) AS c, variance(l) AS d1, var_pop(i) AS e, skewness(d) AS f, kurtosis(m) AS k, corr(i, d) AS co, covar_pop(i, m) AS cp, covar_samp(d, i) AS cs, std(m) AS sd FROM p GROUP BY g ORDER BY g
