SELECT window.start AS s, window.end AS e, count(*) AS n FROM events_wm GROUP BY window(t, '1 second')
