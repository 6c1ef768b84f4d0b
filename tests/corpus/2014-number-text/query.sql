WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT i, format_number(d, 2) AS a, format_number(m, 1) AS b, format_number(l, 0) AS c, format_number(d, '#,##0.0#') AS e, to_char(m, '99999999.99') AS f, to_char(m, 'S000,000,000.0000') AS g, to_char(i, '9,999,999,999PR') AS h, format_string('%d|%5d|%-5d|%05d|%x|%,d', i, i % 100, i % 100, i % 100, i, l) AS j, format_string('%.3f|%e|%10.2f|%s', d, d, d, d) AS k, printf('%s %s %b', m, s, b) AS n, hex(i) AS o, bin(i) AS q, conv(i, 10, 36) AS r, conv(s, 16, 10) AS t FROM p ORDER BY i
