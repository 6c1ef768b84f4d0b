WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, c DECIMAL(10,2)') AS d FROM events)
)
SELECT s, try_to_number(s, '999,999.99') AS a, try_to_number(s, '$99G999D99') AS b, try_to_number(s, 'S999.99') AS e, try_to_number(s, '000') AS z, try_to_number(s, '999.99PR') AS pr, to_char(c, '999,999.99') AS t1, to_char(c, '$000,000.00') AS t2, to_char(c, 'S999999.9') AS t3, to_char(c, '999999.99MI') AS t4, to_char(c, '999999D99PR') AS t5, to_char(c, '99') AS t6, format_number(c, 1) AS f1, format_number(c, 3) AS f3, typeof(try_to_number(s, '999,999.99')) AS ty FROM p ORDER BY s
