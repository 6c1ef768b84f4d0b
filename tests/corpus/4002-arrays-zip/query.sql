WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, arrays_zip(l, s) AS a, arrays_zip(l, array(1, 2)) AS b, arrays_zip(array(1), array('x', 'y'), l) AS c, arrays_zip(st.a, l) IS NULL AS bad FROM (SELECT id, l, s, named_struct('a', l) AS st FROM p) ORDER BY id
