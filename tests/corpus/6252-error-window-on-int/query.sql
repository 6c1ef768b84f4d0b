SELECT window.start AS s, count(*) AS n FROM events_wm GROUP BY window(v, '5 minutes')
