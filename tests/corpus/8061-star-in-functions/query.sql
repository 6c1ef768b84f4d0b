WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'a INT, b INT, c STRING') AS d FROM events)
)
SELECT count(*) AS n, count(a, b, c) AS full_rows, count(DISTINCT *) AS dr, array_sort(collect_list(struct(t.*))) AS l, max(concat_ws('|', t.*)) AS m, max(coalesce(t.*)) AS co, min(to_json(struct(*))) AS j, sort_array(collect_list(size(array(t.a, t.b)))) AS sz FROM (SELECT a, b, c FROM p) t
