SELECT k, v > 2 AS big, sum(v) AS total FROM events_wm GROUP BY GROUPING SETS ((k), (v > 2), ()) ORDER BY k, big, total
