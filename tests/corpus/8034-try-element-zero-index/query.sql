WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'l ARRAY<STRUCT<a: INT>>, m MAP<STRING, ARRAY<INT>>, n INT') AS d FROM events)
)
SELECT k, l[n].a AS s1, get(l, n) AS g, l[0].a AS s0, l[-1] AS neg, try_element_at(l, 4).a AS t4, element_at(l, -1).a AS last_a, m['x'][n] AS mx, m[n] AS mn, element_at(m, 'x')[0] AS ex, m.x AS mdot, size(m['y']) AS sy, cardinality(l) AS ca, l.a AS la, array_contains(l.a, 2) AS ac, map_contains_key(m, string(n)) AS mk, coalesce(m['zz'], array(0)) AS co FROM p ORDER BY k
