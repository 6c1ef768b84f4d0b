SELECT window.start AS s, k, count(*) AS n FROM ev GROUP BY window(t, '15 minutes'), k
