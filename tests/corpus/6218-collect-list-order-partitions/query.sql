SELECT window.start AS s, collect_list(v) AS l, collect_list(k) AS lk, first(v) AS f, last(v) AS la, array_agg(struct(k, v)) AS a FROM events_wm GROUP BY window(t, '10 minutes')
