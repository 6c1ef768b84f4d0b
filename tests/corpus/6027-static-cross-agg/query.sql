SELECT window.start AS s, region, sum(amount) AS total, count(*) AS n FROM events_wm CROSS JOIN regions WHERE region <> 'USA' GROUP BY window(t, '15 minutes'), region
