SELECT k, count(*) AS n, max(v) AS m FROM events_wm GROUP BY k ORDER BY n DESC, k
