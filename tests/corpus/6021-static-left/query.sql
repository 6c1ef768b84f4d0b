SELECT e.t, e.country, r.region, amount FROM events_wm e LEFT JOIN regions r ON e.country = r.country
