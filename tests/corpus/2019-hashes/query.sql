WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT i, hash(i), hash(l), hash(d), hash(m), hash(b), hash(s), hash(i, s, d), hash(g, array(i, i), named_struct('x', d, 'y', s)), xxhash64(i), xxhash64(l), xxhash64(d), xxhash64(m), xxhash64(b), xxhash64(s), xxhash64(i, s, array(d)), xxhash64(CAST(m AS DECIMAL(30,5))), hash(CAST(m AS DECIMAL(30,5))), crc32(s), sha2(s, 384), hash(CAST(i AS TINYINT)), xxhash64(CAST(d AS FLOAT)), hash(CAST(s AS BINARY)), hash(DATE '2021-01-01', TIMESTAMP '2021-01-01 00:00:00') FROM p ORDER BY i
