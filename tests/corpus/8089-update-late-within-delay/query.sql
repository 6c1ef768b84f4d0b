SELECT window.start AS s, k, count(*) AS n, min(v) AS mn, max(v) AS mx, avg(v) AS a, min(t) AS first_t FROM events_wm GROUP BY window(t, '10 minutes'), k
