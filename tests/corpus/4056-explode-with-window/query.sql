WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, x, row_number() OVER (PARTITION BY id ORDER BY x NULLS LAST, i) AS rn, sum(x) OVER (PARTITION BY id) AS total FROM (SELECT id, posexplode(l) AS (i, x) FROM p) ORDER BY id, rn
