SELECT window.start AS s, k, v % 2 AS odd, count(*) AS n, sum(amt) AS total, avg(amt) AS mean, max(amt) AS mx, count(amt) AS c FROM events_wm GROUP BY window(t, '10 minutes'), k, v % 2
