SELECT window.start AS s, count(*) AS n, collect_list(v) AS l FROM (SELECT * FROM events_wm LIMIT 8) GROUP BY window(t, '10 minutes')
