SELECT country, amount, amount > (SELECT avg(n) FROM codes) AS big FROM events_wm e WHERE (country IN (SELECT code FROM codes) OR country IS NULL) AND EXISTS (SELECT 1 FROM codes c WHERE c.n < 3)
