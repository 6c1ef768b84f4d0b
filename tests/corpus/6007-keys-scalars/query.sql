SELECT k, i, b, d, m, t, count(*) AS n FROM events_wm GROUP BY k, i, b, d, m, t
