SELECT window.start AS s, count(*) AS n FROM events_wm GROUP BY window(t + INTERVAL 1 MINUTE, '10 minutes')
