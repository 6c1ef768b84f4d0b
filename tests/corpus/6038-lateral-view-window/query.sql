SELECT window.start AS s, w, count(*) AS n, sum(id) AS ids FROM events_wm LATERAL VIEW explode(l) x AS w GROUP BY window(t, '10 minutes'), w
