SELECT * FROM regions WHERE country IN (SELECT country FROM events_wm)
