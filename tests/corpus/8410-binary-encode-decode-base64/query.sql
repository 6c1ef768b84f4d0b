WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING') AS d FROM events)
)
SELECT s, hex(s) AS h, CAST(unhex(hex(s)) AS STRING) AS uh, unhex(s) AS ux, base64(CAST(s AS BINARY)) AS b, CAST(unbase64(base64(CAST(s AS BINARY))) AS STRING) AS ub, encode(s, 'UTF-16BE') AS e16, encode(s, 'ISO-8859-1') AS l1, encode(s, 'US-ASCII') AS asc, decode(encode(s, 'UTF-16'), 'UTF-16') AS d16, decode(CAST(s AS BINARY), 'ISO-8859-1') AS mo, to_binary(hex(s), 'hex') AS tb, try_to_binary(s, 'base64') AS tbb, substring(CAST(s AS BINARY), 2, 2) AS sb, length(CAST(s AS BINARY)) AS n, CAST(s AS BINARY) < X'62' AS lt, concat(CAST(s AS BINARY), X'00FF') AS c, X'1' AS lit FROM p ORDER BY s
