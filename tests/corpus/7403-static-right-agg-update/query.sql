SELECT r.region, a.k, a.n FROM regions r RIGHT JOIN (SELECT k, count(*) AS n FROM events_wm GROUP BY k) a ON a.k = r.country AND a.n > 1
