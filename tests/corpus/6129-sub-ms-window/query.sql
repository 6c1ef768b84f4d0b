SELECT window.start AS s, window.end AS e, count(*) AS n FROM events_wm GROUP BY window(t, '1500 microseconds', '500 microseconds')
