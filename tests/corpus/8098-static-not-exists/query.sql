SELECT window.start AS s, k, count(*) AS n FROM events_wm e WHERE NOT EXISTS (SELECT 1 FROM regions r WHERE r.country = e.k) GROUP BY window(t, '10 minutes'), k
