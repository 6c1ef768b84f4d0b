SELECT * FROM events_wm e FULL OUTER JOIN regions r ON e.country = r.country
