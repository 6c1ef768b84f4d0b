SELECT window.start AS s, r.region, count(*) AS n FROM (SELECT * FROM events_wm LIMIT 8) e JOIN regions r ON e.k = r.country GROUP BY window(t, '10 minutes'), r.region
