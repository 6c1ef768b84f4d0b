SELECT k, count(*) AS n FROM events_wm GROUP BY ROLLUP(k)
