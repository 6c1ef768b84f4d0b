WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT g, b, grouping(g), grouping_id(g, b), count(*), sum(m), avg(i), max(s), percentile(i, 0.5), median(d), collect_list(i) IS NOT NULL AS cl FROM p GROUP BY ROLLUP (g, b) ORDER BY g, b, grouping_id(g, b)
