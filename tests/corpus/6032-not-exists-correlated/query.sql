SELECT country, amount, (SELECT max(n) FROM codes c WHERE c.code = e.country) AS n FROM events_wm e WHERE NOT EXISTS (SELECT 1 FROM codes c WHERE c.code = e.country AND c.n = 2)
