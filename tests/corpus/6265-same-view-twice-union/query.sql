SELECT window.start AS s, k, count(*) AS n FROM (SELECT t, k FROM events_wm UNION ALL SELECT t, 'twice' FROM events_wm WHERE v > 1) GROUP BY window(t, '10 minutes'), k
