SELECT window.start AS s, k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY window(t, '10 minutes', '5 minutes'), k
