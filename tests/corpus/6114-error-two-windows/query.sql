SELECT count(*) AS n FROM events_wm GROUP BY window(t, '1 minute'), window(t, '2 minutes')
