WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'a STRING, b INT, c DECIMAL(10,2), d DATE, l ARRAY<INT>') AS d FROM events)
)
SELECT k, md5(concat_ws('|', a, b, c, d)) AS m, sha2(concat(a, b), 256) AS s, hash(a) AS ha, hash(b) AS hb, hash(c) AS hc, hash(d) AS hd, hash(l) AS hl, hash(a, b, c, d, l) AS hall, hash(b, a) AS hba, xxhash64(a) AS xa, xxhash64(b, c, d) AS xb, xxhash64(l) AS xl, crc32(a) AS cr, conv(substr(md5(a), 1, 8), 16, 10) AS cv, pmod(xxhash64(a), 10) AS bucket, hash(CAST(b AS BIGINT)) = hash(b) AS same, hash(CAST(b AS DOUBLE)) AS hdbl, hash(true, NULL) AS hn, hash(struct(a, b)) AS hs, unhex(left(md5(a), 4)) AS bin FROM p ORDER BY k
