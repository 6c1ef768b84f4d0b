WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, struct(st.a + 1 AS a, st.b) AS up, (st.a, st.b) IN ((1, 'x'), (4, 'd')) AS i, st IS NULL AS n, st.a IS NULL AS an, named_struct('s', st, 'n', NULL) AS ns, struct(NULL AS z, st) AS zs, array(st)[0].a AS aa, nullif(st, named_struct('a', 1, 'b', 'x')) AS nf, st = (SELECT max(st) FROM p) AS mx FROM p ORDER BY id
