SELECT t, k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY t, k
