WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT i, i div 3, i % 3, mod(i, 7), pmod(i, 7), pmod(-7, i), i / 0, l div 0, mod(l, 0), i & 255, i | 1, i ^ 3, shiftleft(i, 2), shiftright(i, 2), shiftrightunsigned(i, 2), shiftleft(l, 33), bit_count(i), bit_get(i, 3), getbit(l, 0), try_add(i, 1), try_subtract(i, 1), try_multiply(l, 2), try_divide(i, 0), try_divide(m, 3), greatest(i, l, 3), least(d, m, i), i + 1, l - 1, i * 2, m * m, m / 3, m % 3, d % 1.5 FROM p ORDER BY i
