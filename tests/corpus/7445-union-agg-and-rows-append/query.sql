SELECT 'w' AS kind, window.start AS s, count(*) AS n FROM events_wm GROUP BY window(t, '10 minutes') UNION ALL SELECT 'r', t, v FROM events_wm
