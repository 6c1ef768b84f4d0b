WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, x + 1 AS y, upper(w) AS u FROM (SELECT id, explode_outer(l) AS x, s FROM p) LATERAL VIEW OUTER explode(s) t AS w WHERE id IN (2, 3, 4, 5) ORDER BY id, y NULLS FIRST, u NULLS FIRST
