SELECT window.start AS s, count(*) AS n FROM events_wm GROUP BY window(t, '-5 minutes')
