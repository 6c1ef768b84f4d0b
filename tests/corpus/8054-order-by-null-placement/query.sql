WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'a INT, b STRING, c DOUBLE') AS d FROM events)
)
SELECT k, A, -a AS a2, b AS c, c AS orig, row_number() OVER (ORDER BY p.c NULLS LAST, k) AS r1, row_number() OVER (ORDER BY p.b DESC NULLS FIRST, k DESC) AS r2, row_number() OVER (ORDER BY a IS NULL, a % 2 DESC, length(b) NULLS FIRST, k) AS r3 FROM p ORDER BY 2 DESC NULLS FIRST, lower(p.b) ASC NULLS LAST, p.c DESC, K
