SELECT * FROM (SELECT window.start AS s, k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY window(t, '10 minutes'), k) a LEFT SEMI JOIN regions r ON a.k = r.country
