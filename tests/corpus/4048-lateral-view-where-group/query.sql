WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT w, count(*) AS n, collect_list(id) AS ids, sum(pos) AS sp FROM p LATERAL VIEW posexplode(s) e AS pos, w WHERE w IS NOT NULL AND pos < 4 GROUP BY w HAVING count(*) > 0 ORDER BY n DESC, w LIMIT 4
