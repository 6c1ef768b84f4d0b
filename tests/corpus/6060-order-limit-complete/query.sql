SELECT k, sum(v) AS total FROM events_wm GROUP BY k ORDER BY total DESC NULLS LAST LIMIT 2
