SELECT w.*, k, sum(v) AS total, max(w.end) AS me FROM (SELECT window(t, '10 minutes') AS w, k, v FROM events_wm) GROUP BY w, k
