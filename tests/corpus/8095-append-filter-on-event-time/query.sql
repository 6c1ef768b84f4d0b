SELECT window.start AS s, window.end AS e, k, count(*) AS n, sum(v) AS total FROM events_wm WHERE t < TIMESTAMP '2021-05-08 18:00:00' AND v > 0 GROUP BY window(t, '10 minutes'), k
