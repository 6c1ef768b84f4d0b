WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, os.v, os[0].k AS k0, os.v[1] AS v1, mm['x'][1] AS mx, mm.y AS my, st.b AS b, ll[0] AS l0, ll[2][0] AS l20, map_values(mm)[0][0] AS mv, struct(st AS inner, l AS arr).inner.a AS sia, named_struct('x', os).x.k AS nk, element_at(os, -1).v AS last, element_at(mm, 'x') AS ex, transform(os, o -> o.k)[0] AS tk, map('z', st)['z'].b AS mz FROM p ORDER BY id
