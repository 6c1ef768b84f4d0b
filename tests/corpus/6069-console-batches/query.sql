SELECT window, k, count(*) AS n FROM events_wm GROUP BY window(t, '10 minutes'), k ORDER BY window, k
