WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT g, regr_count(d, m), regr_avgx(d, m), regr_avgy(d, m), regr_slope(d, m), regr_intercept(d, m), regr_r2(d, m), regr_sxx(d, m), regr_sxy(d, m), regr_syy(d, m) FROM p GROUP BY g ORDER BY g
