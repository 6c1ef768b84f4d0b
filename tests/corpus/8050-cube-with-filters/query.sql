WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'r STRING, p STRING, v INT') AS d FROM events)
)
SELECT CASE WHEN grouping(r) = 1 THEN 'ALL' ELSE coalesce(r, '?') END AS reg, if(grouping(pp) = 1, 'ALL', coalesce(pp, '?')) AS prod, grouping_id(r, pp) AS gid, sum(v) AS s, sum(v) FILTER (WHERE v > 1) AS s1, count(*) AS n, count(DISTINCT v) AS dv, avg(v) AS a FROM (SELECT r, upper(p) AS pp, v FROM p) GROUP BY CUBE(r, pp) HAVING count(*) > 1 ORDER BY gid, reg, prod
