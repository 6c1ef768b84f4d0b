WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT typeof(i), typeof(m * 2), typeof(sum_m), typeof(array(i)), typeof(NULL), current_catalog(), current_database(), current_schema(), monotonically_increasing_id() AS id, spark_partition_id() AS pid, input_file_name() AS f, assert_true(true), rand(5) AS r, randn(5) AS rn, luhn_check('79927398713'), elt(i, 'x', 'y'), typeof(elt(1, X'41')), char(65), chr(i + 65) FROM (SELECT *, m + 1 AS sum_m FROM p) ORDER BY i
