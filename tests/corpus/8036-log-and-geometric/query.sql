WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, v DOUBLE, w INT') AS d FROM events)
)
SELECT g, exp(avg(ln(v))) AS geo, exp(sum(log(v))) AS prod, count(v) / sum(1 / v) AS harm, sum(v * w) / sum(w) AS wavg, sqrt(avg(v * v)) AS rms, sum(log2(v)) AS l2, avg(log10(v)) AS l10, max(log(2, v)) AS lb, min(pow(v, 0.5)) AS pw, sum(cbrt(v)) AS cb, sum(v) / sum(if(v IS NULL, 0, w)) AS q, avg(nanvl(sqrt(v), -1)) AS nv, max(isnan(sqrt(v))) AS anynan, regr_slope(v, w) AS sl, regr_intercept(v, w) AS ic, regr_r2(v, w) AS r2, regr_count(v, w) AS rc, regr_avgx(v, w) AS ax FROM p GROUP BY g ORDER BY g
