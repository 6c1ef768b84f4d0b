SELECT window.start AS s, k, count(*) AS n FROM events_wm GROUP BY window(t, '10 minutes'), k
