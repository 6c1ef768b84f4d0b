WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
), ex AS (SELECT id, explode(s) AS w FROM p), cnt AS (SELECT w, count(*) AS n FROM ex GROUP BY w) SELECT a.id, a.w, b.n FROM ex a JOIN cnt b ON a.w <=> b.w ORDER BY a.id, a.w NULLS FIRST, b.n
