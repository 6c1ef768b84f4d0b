SELECT r.region, a.n FROM regions r LEFT JOIN (SELECT window.start AS s, k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY window(t, '10 minutes'), k) a ON a.k = r.country
