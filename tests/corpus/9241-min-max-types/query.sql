WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, s STRING, b BOOLEAN, d DATE, t TIMESTAMP, l ARRAY<INT>, st STRUCT<x: INT, y: STRING>, f DOUBLE') AS d FROM events)
)
SELECT g, min(s) AS ms, max(s) AS xs, min(b) AS mb, max(b) AS xb, min(d) AS md, max(d) AS xd, min(t) AS mt, max(t) AS xt, min(CAST(s AS BINARY)) AS mbin, max(CAST(s AS BINARY)) AS xbin, min(l) AS ml, max(l) AS xl, max(st) AS xst, min(st) AS mst, max(struct(d, s)) AS xds, min(f) AS mf, max(f) AS xf FROM p GROUP BY g ORDER BY g NULLS FIRST
