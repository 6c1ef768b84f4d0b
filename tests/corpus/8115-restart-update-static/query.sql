SELECT window.start AS s, r.region, count(*) AS n, sum(v) AS total FROM events_wm e JOIN regions r ON e.k = r.country GROUP BY window(t, '10 minutes'), r.region
