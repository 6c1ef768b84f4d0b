SELECT * FROM events_wm e RIGHT JOIN regions r ON e.country = r.country
