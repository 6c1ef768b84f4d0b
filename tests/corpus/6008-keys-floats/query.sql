SELECT x, f, count(*) AS n FROM events_wm GROUP BY x, f
