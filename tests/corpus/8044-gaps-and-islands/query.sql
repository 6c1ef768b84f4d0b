WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, o INT') AS d FROM events)
), d AS (SELECT DISTINCT g, o FROM p WHERE o IS NOT NULL), r AS (SELECT g, o, o - row_number() OVER (PARTITION BY g ORDER BY o) AS isl, o - lag(o) OVER (PARTITION BY g ORDER BY o) AS gap FROM d)
SELECT g, min(o) AS lo, max(o) AS hi, count(*) AS n, max(gap) AS gap, array_join(transform(array_sort(collect_list(o)), x -> string(x)), '-') AS l, lead(min(o)) OVER (PARTITION BY g ORDER BY min(o)) - max(o) - 1 AS missing_after FROM r GROUP BY g, isl ORDER BY g NULLS LAST, lo
