WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), '`select` INT, `Order` STRING, `date` DATE, `end` INT') AS d FROM events)
)
SELECT `select`, ORDER_ AS `My Order`, date, t.end, `SELECT` + 1 AS `sum (1)`, 'it''s' AS q1, "dbl ""q""" AS q2, 'a' 'b' AS q3, r'\d\n' AS q4, 'tab\there\u00e9\x' AS q5, X'4A4b' AS bin, 1e3 AS e, 1E3BD AS bd, 5Y AS y, 7S AS s, .5 AS h, -2147483648 AS mn, `0x` AS zx FROM (SELECT *, `order` AS ORDER_, 9 AS `0x` FROM p) t ORDER BY `select`
