SELECT country, amount FROM events_wm e WHERE country NOT IN (SELECT code FROM codes) OR amount > 30
