SELECT * FROM (SELECT window.start AS s, k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY window(t, '10 minutes'), k) a LEFT ANTI JOIN regions r ON a.k = r.country AND r.pop > 5
