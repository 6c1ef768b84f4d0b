SELECT window.start AS s, window.end AS e, k, count(*) AS n, count(v) AS nv FROM events_wm GROUP BY window(t, '5 minutes'), k
