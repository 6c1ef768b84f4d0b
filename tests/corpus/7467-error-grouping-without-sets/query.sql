SELECT k, grouping(k) AS g, count(*) AS n FROM events_wm GROUP BY k
