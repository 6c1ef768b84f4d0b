WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT count(*), count(i), sum(i), sum(m), avg(m), avg(d), min(s), max(b), collect_list(i), collect_set(s), stddev(d), corr(i, d), first(s), percentile(d, 0.5), percentile_approx(i, array(0.5)), median(i), mode(s), approx_count_distinct(s), bit_and(i), bool_and(b), max_by(s, i), count_if(b), skewness(d), regr_count(i, d), regr_slope(i, d), count(DISTINCT g, s) FROM p WHERE g = 'none'
