WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT s, s LIKE '%\\%' AS a, s LIKE 'a\\_b' AS b, s LIKE 'a\\\\b' AS c, s LIKE '%!%%' ESCAPE '!' AS d, s LIKE '_' AS e, s ILIKE 'a%' AS f, s NOT LIKE '%c' AS g, s LIKE ANY ('a%', '%!%') AS h, s NOT LIKE ALL ('a%', '%x') AS i, s ILIKE ANY ('A_C', '100%') AS j, like(s, 'a%') AS k, ilike(s, 'A%') AS l, s LIKE concat('a', '%') AS m, s LIKE '%off%' AS o FROM p ORDER BY s
