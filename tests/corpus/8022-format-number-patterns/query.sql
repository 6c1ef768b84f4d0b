WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'd DOUBLE, n DECIMAL(20,6), l BIGINT') AS d FROM events)
)
SELECT k, format_number(d, 2) AS d2, format_number(n, 2) AS n2, format_number(l, 0) AS l0, format_number(d, 0) AS d0, format_number(n, 4) AS n4, format_number(n, '#,##0.00') AS p1, format_number(d, '0000.0') AS p2, format_number(l, '#.##%') AS p3, format_number(d, -1) AS neg, to_char(n, '999,999,999,999,999.999') AS tc, to_char(l, 'S99999999') AS tl FROM p ORDER BY k
