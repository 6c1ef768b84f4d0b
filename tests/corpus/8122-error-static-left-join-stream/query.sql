SELECT r.region, count(*) FROM regions r LEFT JOIN events_wm e ON e.k = r.country GROUP BY r.region
