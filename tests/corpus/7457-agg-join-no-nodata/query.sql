SELECT a.s, a.k, r.region, a.n FROM (SELECT window.start AS s, k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY window(t, '10 minutes'), k) a JOIN regions r ON a.k = r.country
