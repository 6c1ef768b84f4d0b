WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, try_element_at(l, id) AS a, try_element_at(m, 'a') AS b, get(l, id - 1) AS c, get(s, 99) AS e, l[id] AS f, element_at(l, -id) AS g, element_at(m, s[1]) AS h, m[s[0]] AS i, ll[0][id - 1] AS k, get(ll, 1) AS n, array(id, id + 1)[1] AS o, split(t, ':')[0] AS q FROM p ORDER BY id
