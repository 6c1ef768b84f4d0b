WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT g, percentile(d, 0.25), percentile(m, array(0.1, 0.9)), percentile(i, 0.5, 2), percentile_approx(m, 0.5), percentile_approx(d, array(0.0, 1.0), 200), approx_percentile(l, 0.3), percentile_cont(0.75) WITHIN GROUP (ORDER BY d DESC), percentile_disc(0.75) WITHIN GROUP (ORDER BY i DESC), percentile_disc(0.5) WITHIN GROUP (ORDER BY m), median(i), mode(g) FROM p GROUP BY g ORDER BY g
