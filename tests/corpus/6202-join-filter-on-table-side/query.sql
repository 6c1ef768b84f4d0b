SELECT e.country, amount, t FROM events_wm e JOIN regions r ON e.country = r.country WHERE r.country = 'FR'
