SELECT k, count(DISTINCT v), count(DISTINCT t) FROM events_wm GROUP BY k
