SELECT window.start AS s, window.end AS e, k, count(*) AS n, sum(v) AS total FROM events_wm WHERE k <> 'drop' GROUP BY window(t, '10 minutes'), k
