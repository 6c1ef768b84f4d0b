SELECT k, v, count(*) AS n FROM events_wm GROUP BY k
