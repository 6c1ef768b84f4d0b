SELECT window.start AS s, window.end AS e, k, count(*) AS n FROM events_wm GROUP BY window(t + INTERVAL 30 MINUTES, '1 hour'), k
