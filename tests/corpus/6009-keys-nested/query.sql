SELECT a, s, count(*) AS n FROM events_wm GROUP BY a, s
