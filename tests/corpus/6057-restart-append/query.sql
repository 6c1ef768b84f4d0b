SELECT window.start AS s, window.end AS e, k, count(*) AS n, collect_list(v) AS l FROM events_wm GROUP BY window(t, '10 minutes'), k
