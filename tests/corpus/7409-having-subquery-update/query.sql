SELECT k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY k HAVING sum(v) > (SELECT avg(pop) FROM regions) OR k IN (SELECT country FROM regions WHERE pop IS NULL)
