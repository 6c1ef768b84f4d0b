SELECT k, w.start AS s, w.end AS e, v FROM (SELECT k, v, window(t, '10 minutes', '4 minutes') AS w FROM events_wm) WHERE v > 1 OR v IS NULL
