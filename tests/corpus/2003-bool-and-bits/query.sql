WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT g, every(b), some(b), any(b), bool_and(b), bool_or(b), count_if(b), bit_and(i), bit_or(i), bit_xor(i), bit_and(l), bit_or(l), bit_xor(l), count_if(i > 0) FILTER (WHERE b) FROM p GROUP BY g ORDER BY g
