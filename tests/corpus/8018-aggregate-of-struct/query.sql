WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, id INT, nm STRING, sc DOUBLE') AS d FROM events)
)
SELECT g, max(struct(sc, id, nm)) AS top, max(struct(sc, id)).id AS top_id, min(named_struct('n', nm, 'i', id)) AS low, sort_array(collect_list(struct(id, nm))) AS l, map_from_entries(filter(sort_array(collect_list(struct(id, nm))), e -> e.id IS NOT NULL)) AS m, array_join(transform(array_sort(collect_list(struct(id, nm))), e -> e.id || '=' || coalesce(e.nm, '?')), ';') AS txt, concat_ws(',', array_sort(collect_set(nm))) AS names, array_max(collect_list(sc)) AS mx, to_json(array_sort(collect_list(named_struct('i', id, 's', sc)))) AS j FROM p GROUP BY g ORDER BY g
