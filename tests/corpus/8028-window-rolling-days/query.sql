WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'u STRING, t TIMESTAMP, v INT') AS d FROM events)
)
SELECT CAST(w.end AS DATE) AS day, count(DISTINCT u) AS users, sum(v) AS s, w.start < min(t) AS b, date_format(w.start, 'EEE') AS wd, array_sort(collect_set(u)) AS us FROM (SELECT window(t, '7 days', '1 day') AS w, * FROM p) GROUP BY w ORDER BY w
