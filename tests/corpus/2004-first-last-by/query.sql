WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT g, first(i), last(i), first(i, true), last(i, true), first_value(s) IGNORE NULLS, last_value(s), any_value(d), any_value(d, true), max_by(s, i), min_by(s, i), max_by(i, s), min_by(named_struct('x', i, 'y', s), d), collect_list(s), array_agg(i) FROM p GROUP BY g ORDER BY g
