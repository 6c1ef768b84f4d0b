SELECT k, v FROM events_wm UNION ALL SELECT k, count(*) FROM events_wm GROUP BY k
