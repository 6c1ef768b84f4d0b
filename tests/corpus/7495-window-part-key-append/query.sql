SELECT window(t, '10 minutes').start AS s, count(*) AS n FROM events_wm GROUP BY window(t, '10 minutes').start
