SELECT window.start AS s, k, count(*) AS n, sum(v) AS total FROM (SELECT * FROM events_wm LIMIT 7) GROUP BY window(t, '10 minutes'), k
