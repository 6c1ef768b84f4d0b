WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, map_filter(m, (k, v) -> v IS NOT NULL AND k <> 'z') AS mf, transform_keys(m, (k, v) -> concat(k, '!', coalesce(v, 0))) AS tk, transform_values(m, (k, v) -> v + id) AS tv, map_zip_with(m, map('a', 10, 'new', id), (k, x, y) -> struct(k, x, y)) AS mz, transform_values(mm, (k, v) -> aggregate(v, 0, (acc, x) -> acc + coalesce(x, 0))) AS mv,
 map_filter(mm, (k, v) -> exists(v, x -> x > id)) AS mx, transform(map_entries(m), e -> e.value) AS te, aggregate(map_values(m), 0, (a, x) -> a + coalesce(x, 100)) AS ag FROM p ORDER BY id
