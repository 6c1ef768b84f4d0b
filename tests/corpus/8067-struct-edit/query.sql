WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRUCT<a: INT, b: STRUCT<c: STRING, d: DOUBLE>>') AS d FROM events)
)
SELECT k, s IS NULL AS n, s.b IS NULL AS bn, struct(s.*) AS cp, named_struct('a2', s.a + 1, 'c', s.b.c) AS ns, struct(s.a, s.b.c AS cc, 1 AS one) AS st, CAST(s AS STRUCT<x: STRING, y: STRUCT<p: STRING, q: FLOAT>>) AS cs, s = named_struct('a', 1, 'b', named_struct('c', 'x', 'd', 1.5D)) AS eq, s <=> NULL AS nl, s < named_struct('a', 1, 'b', named_struct('c', 'y', 'd', 0D)) AS lt, coalesce(s.b, named_struct('c', 'dflt', 'd', 0D)) AS co, array(s.b, NULL) AS ar, if(s.a > 0, s.b, NULL).c AS iff, CAST(s AS STRING) AS txt, to_json(s) AS j, hash(s) AS h, dense_rank() OVER (ORDER BY s) AS rk FROM p ORDER BY k
