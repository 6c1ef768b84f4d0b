WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, l, s, m, st, os, ll, mm, array(d, NULL) AS ds, map(id, dt) AS md, struct(ts, dt, d) AS tsd, array(CAST('ab' AS BINARY)) AS bin, map() AS em, array(CAST(1.50 AS DECIMAL(5,2)), NULL) AS dec FROM p ORDER BY id
