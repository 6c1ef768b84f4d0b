SELECT a.k, r.region, a.n FROM (SELECT k, count(*) AS n FROM events_wm GROUP BY k) a JOIN regions r ON a.k = r.country ORDER BY a.k, r.region
