SELECT k, count(*) AS n, round(avg(v), 2) AS mean FROM events_wm GROUP BY k
