SELECT k, count(*) AS n FROM events_wm GROUP BY k UNION ALL SELECT country, pop FROM regions
