WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT arrays_zip(array(1, 2), array('a')) AS u, arrays_zip(x.l, y) AS v, arrays_zip(array(1), y) AS w FROM (SELECT named_struct('l', l) AS x, l, s AS y FROM p WHERE id = 1)
