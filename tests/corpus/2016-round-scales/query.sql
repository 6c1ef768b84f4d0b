WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT i, round(d), round(d, 1), round(m), round(m, 1), round(m, -2), round(i, -3), round(l, -9), bround(d, 1), bround(m, 0), ceil(d), ceil(m), ceil(m, 1), floor(d), floor(m), floor(m, -1), ceiling(i), floor(l), rint(d), abs(i), abs(m), sign(d), signum(i), -m, +d, negative(l), positive(i), ~i FROM p ORDER BY i
