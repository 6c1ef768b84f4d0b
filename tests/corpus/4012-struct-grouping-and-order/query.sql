WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT st, count(*) AS n, max(struct(d, id)) AS mx, min((id, t)) AS mn, collect_list(st.a) AS cl FROM (SELECT st, d, id, t FROM p UNION ALL SELECT st, d, id + 10, t FROM p WHERE id IN (1, 3)) GROUP BY st ORDER BY st DESC NULLS LAST
