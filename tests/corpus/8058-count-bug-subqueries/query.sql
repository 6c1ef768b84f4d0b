WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, o INT, v INT') AS d FROM events)
)
SELECT x.k, g, o, (SELECT count(*) FROM p i WHERE i.g = x.g AND i.o < x.o) AS before, (SELECT sum(i.v) FROM p i WHERE i.g = x.g AND i.o > x.o) AS after_sum, (SELECT coalesce(max(i.v), -1) FROM p i WHERE i.g = x.g AND i.o > x.o + 1) AS nxt, EXISTS (SELECT 1 FROM p i WHERE i.g = x.g AND i.o = x.o + 1) OR x.v > 8 AS ex, (g, o) IN (SELECT g, o FROM p WHERE v > 4) AS tup, (SELECT min(k) FROM p i WHERE i.v = x.v AND i.k <> x.k) AS twin FROM p x WHERE (SELECT count(*) FROM p i WHERE i.g = x.g AND i.v > 100) = 0 ORDER BY x.k
