WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT s, try_to_number(s, '999') AS a, try_to_number(s, '9,999.99') AS b, try_to_number(s, 'S99.9') AS c, try_to_number(s, '$99.99') AS d, try_to_number(s, '9PR') AS e, try_to_number(s, '99.999') AS f, try_to_number(s, '000') AS g, try_to_number(s, 'MI9,999.99') AS h FROM p ORDER BY s
