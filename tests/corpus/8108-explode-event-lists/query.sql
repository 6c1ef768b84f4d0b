SELECT window.start AS s, dev, count(*) AS n, avg(x) AS mean, max(x) - min(x) AS spread FROM rd GROUP BY window(t, '10 minutes'), dev
