WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, greatest(l, array(3)) AS a, least(l, array(3), array()) AS b, greatest(st, named_struct('a', 3, 'b', 'm')) AS c, least(st, named_struct('a', 3, 'b', 'm')) AS e, greatest(s, array('b')) AS f, least(array(d), array(2.0D)) AS g FROM p ORDER BY id
