SELECT window.start AS s, count(*) AS n, sum(v) AS total, count(kk) AS dk FROM (SELECT t, v, k AS kk FROM events_wm) GROUP BY window(t, '10 minutes', '5 minutes') ORDER BY s
