WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRING, l ARRAY<INT>, deep STRING, last INT') AS d FROM events)
)
SELECT k, length(s) AS ls, substring(s, 999) AS e, size(l) AS n, aggregate(l, 0, (a, x) -> a + x) AS sl, length(deep) AS ld, deep, last FROM p ORDER BY k
