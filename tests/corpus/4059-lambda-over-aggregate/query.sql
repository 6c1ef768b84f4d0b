WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id % 2 AS odd, transform(collect_list(id), x -> x * 2) AS tr, aggregate(collect_list(id), 0, (a, x) -> a + x) AS ag, array_max(collect_list(d)) AS mx, map_from_entries(collect_list(struct(id, t))) AS mp, filter(collect_list(coalesce(t, '?')), x -> length(x) > 0) AS fl FROM p GROUP BY id % 2 ORDER BY odd
