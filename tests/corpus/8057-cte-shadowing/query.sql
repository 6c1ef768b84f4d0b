WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, o INT, v INT') AS d FROM events)
), t(grp, tot) AS (SELECT g, sum(v) FROM p GROUP BY g), u AS (WITH t2 AS (SELECT 'inner' AS grp, 1 AS tot) SELECT grp, tot FROM t2), w AS (SELECT * FROM t WHERE tot > (SELECT avg(tot) FROM t))
SELECT 't' AS src, grp, tot FROM t UNION ALL SELECT 'u', * FROM u UNION ALL SELECT 'w', * FROM w UNION ALL SELECT 'x', a.grp, a.tot + b.tot FROM t a JOIN t b ON a.grp < b.grp UNION ALL SELECT 'y', z.* FROM (WITH z AS (SELECT max(grp) AS m, count(*) AS c FROM t) SELECT * FROM z) z ORDER BY src, grp NULLS LAST, tot
