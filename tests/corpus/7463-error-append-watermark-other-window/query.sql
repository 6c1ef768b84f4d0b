SELECT window.start AS s, count(*) AS n FROM events_wm GROUP BY window(ts, '10 minutes')
