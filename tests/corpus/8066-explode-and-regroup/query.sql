WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id INT, items ARRAY<STRUCT<n: STRING, q: INT>>') AS d FROM events)
), x AS (SELECT id, pos, it.n, it.q, it IS NULL AS isn FROM p LATERAL VIEW OUTER posexplode(items) e AS pos, it)
SELECT id, count(pos) AS c, count(n) AS cn, sum(q) AS sq, transform(array_sort(collect_list(struct(pos, n, q))), e -> e.n) AS names, array_sort(collect_set(n)) AS st, map_from_entries(array_sort(collect_list(struct(pos, q)) FILTER (WHERE pos IS NOT NULL))) AS m, bool_or(isn) AS anynull, max(pos) AS mp FROM x GROUP BY id ORDER BY id
