WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, y DOUBLE, x DOUBLE') AS d FROM events)
)
SELECT g, regr_count(y, x) AS n, regr_avgx(y, x) AS ax, regr_avgy(y, x) AS ay, regr_slope(y, x) AS sl, regr_intercept(y, x) AS ic, regr_r2(y, x) AS r2, regr_sxx(y, x) AS sxx, regr_sxy(y, x) AS sxy, regr_syy(y, x) AS syy FROM p GROUP BY g ORDER BY g
