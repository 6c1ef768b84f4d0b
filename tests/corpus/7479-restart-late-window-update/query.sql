SELECT window.start AS s, k, count(*) AS n, sum(v) AS total, max(v) AS mx FROM events_wm GROUP BY window(t, '10 minutes'), k
