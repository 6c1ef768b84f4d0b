SELECT r.region, x.k FROM regions r, LATERAL (SELECT k FROM events_wm e WHERE e.k = r.country LIMIT 1) x
