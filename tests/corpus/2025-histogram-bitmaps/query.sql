WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT g, histogram_numeric(i, 2) AS h, histogram_numeric(d, 3) AS hd, histogram_numeric(m, 5) AS hm, bitmap_count(bitmap_construct_agg(bitmap_bit_position(abs(l % 1000)))) AS bc, bitmap_count(bitmap_or_agg(encode(s, 'UTF-8'))) AS bo, approx_count_distinct(i, 0.2) AS ad FROM p GROUP BY g ORDER BY g
