SELECT window.start AS s, window.end AS e, k, sum(v) AS total, count(*) AS n FROM points GROUP BY window(t, '5 minutes'), k
