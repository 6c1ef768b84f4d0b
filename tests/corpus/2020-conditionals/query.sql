WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, l BIGINT, d DOUBLE, m DECIMAL(10,2), b BOOLEAN, s STRING') AS d FROM events)
)
SELECT i, if(b, i, m) AS a, nvl(i, 0) AS c, nvl2(i, s, g) AS d1, ifnull(m, 1) AS e, nullif(i, 5) AS f, nullif(s, '') AS h, coalesce(NULL, d, i) AS j, CASE WHEN i > 0 THEN 'pos' WHEN i < 0 THEN 'neg' END AS k, CASE g WHEN 'a' THEN 1 WHEN 'b' THEN 2.5 ELSE i END AS l1, decode(g, 'a', 'first', 'b', 'second', 'other') AS n, decode(b, true, 1, NULL, -1) AS o, greatest(i, 5) AS q, least(m, 1) AS r, nanvl(d, 0) AS t, equal_null(i, l) AS u, i <=> NULL AS v, isnull(i) AS w, isnotnull(s) AS x, b IS TRUE AS y, b IS NOT FALSE AS z, isnan(d) AS nn, CASE WHEN b THEN array(i) ELSE array() END AS aa FROM p ORDER BY i
