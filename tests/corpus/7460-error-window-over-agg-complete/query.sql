SELECT k, n, rank() OVER (ORDER BY n DESC) AS r FROM (SELECT k, count(*) AS n FROM events_wm GROUP BY k)
