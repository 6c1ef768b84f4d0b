WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT sum(aggregate(l, 0, (a, x) -> a + coalesce(x, 0))) AS s, max(size(filter(l, x -> x > 1))) AS mf, count_if(exists(s, x -> x = 'a')) AS ce, collect_list(transform(l, x -> x * 10)) AS cl, flatten(collect_list(l)) AS fl, array_sort(collect_set(element_at(s, 1))) AS fs, sort_array(collect_list(struct(id, size(l) AS n)), false) AS so FROM p
