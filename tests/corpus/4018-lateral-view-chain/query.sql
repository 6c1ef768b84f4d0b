WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, pos, e, k, v, w FROM p LATERAL VIEW OUTER posexplode(ll) AS pos, inner_list LATERAL VIEW OUTER explode(inner_list) AS e LATERAL VIEW explode(map('a', id, 'b', e)) AS k, v LATERAL VIEW json_tuple('{"w": "W", "q": 1}', 'w') j AS w ORDER BY id, pos, e NULLS FIRST, k
