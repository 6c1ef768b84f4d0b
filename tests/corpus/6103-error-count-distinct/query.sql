SELECT k, count(DISTINCT v) AS n FROM events_wm GROUP BY k
