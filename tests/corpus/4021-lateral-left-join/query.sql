WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, q.pos, q.x FROM p LEFT JOIN LATERAL (SELECT pos, x FROM (SELECT posexplode(l) AS (pos, x)) WHERE x > 1) q ON true ORDER BY id, pos
