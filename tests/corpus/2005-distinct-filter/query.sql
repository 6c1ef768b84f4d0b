WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT count(DISTINCT g), count(DISTINCT g, b), sum(DISTINCT i % 3), avg(DISTINCT m), count(*) FILTER (WHERE i > 0), sum(l) FILTER (WHERE b), max(s) FILTER (WHERE g = 'a'), count(DISTINCT s) FILTER (WHERE length(s) > 1), sort_array(collect_set(g)), approx_count_distinct(s), min(DISTINCT d), stddev(DISTINCT i % 5), sum(m), avg(m), try_sum(i), try_avg(m), sum(i), sum(l) FROM p
