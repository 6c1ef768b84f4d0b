SELECT region FROM regions WHERE country IN (SELECT k FROM events_wm)
