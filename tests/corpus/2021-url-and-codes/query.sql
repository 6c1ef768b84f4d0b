WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT s, parse_url(s, 'PROTOCOL') AS a, parse_url(s, 'HOST') AS b, parse_url(s, 'PATH') AS c, parse_url(s, 'QUERY') AS d, parse_url(s, 'QUERY', 'a') AS e, parse_url(s, 'REF') AS f, parse_url(s, 'AUTHORITY') AS g, parse_url(s, 'USERINFO') AS h, parse_url(s, 'FILE') AS i, url_encode(s) AS j, url_decode(url_encode(s)) AS k, base64(s) AS l, CAST(unbase64(base64(s)) AS STRING) AS m, hex(s) AS n, CAST(unhex(hex(s)) AS STRING) AS o, encode(s, 'UTF-16BE') AS q, decode(encode(s, 'UTF-8'), 'UTF-8') AS r FROM p ORDER BY s
