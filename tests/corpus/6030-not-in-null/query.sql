SELECT country, amount FROM events_wm WHERE country NOT IN (SELECT country FROM regions)
