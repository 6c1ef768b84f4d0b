SELECT w.start AS s, w.end AS e, k, sum(v) AS total FROM (SELECT window(t, '10 minutes') AS w, k, v FROM events_wm WHERE v < 500) GROUP BY w, k
