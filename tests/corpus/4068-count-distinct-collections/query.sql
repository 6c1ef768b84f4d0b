WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT count(DISTINCT l) AS a, count(DISTINCT st) AS b, count(DISTINCT l, st.a) AS c, count(DISTINCT s[0]) AS e, min(l) AS mn, max(l) AS mx, max(st) AS ms, min(st) AS mst, max_by(l, id) AS mb, first(m) AS fm, any_value(os) AS ao FROM p
