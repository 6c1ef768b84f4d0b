WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, a INT, b DOUBLE, c DECIMAL(5,2)') AS d FROM events)
)
SELECT name, count(*) AS n, sum(val) AS s, min(id) AS mi, typeof(max(val)) AS ty FROM p UNPIVOT EXCLUDE NULLS (val FOR name IN (a AS `A col`, b, c)) GROUP BY name UNION ALL SELECT concat('inc ', name), count(val), count(*), max(id), 'x' FROM (SELECT * FROM p UNPIVOT INCLUDE NULLS (val FOR name IN (a, b))) GROUP BY name ORDER BY name
