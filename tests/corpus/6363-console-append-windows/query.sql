SELECT window, count(*) AS n, collect_list(v) AS l FROM events_wm GROUP BY window(t, '10 minutes')
