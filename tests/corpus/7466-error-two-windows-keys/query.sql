SELECT count(*) AS n FROM events_wm GROUP BY window(t, '10 minutes'), window(t, '5 minutes')
