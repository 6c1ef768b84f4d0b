SELECT window.start AS s, window.end AS e, k, count(*) AS n FROM events_wm GROUP BY window(t, '10 minutes'), k
