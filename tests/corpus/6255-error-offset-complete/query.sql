SELECT k, count(*) AS n FROM events_wm GROUP BY k ORDER BY k OFFSET 1
