SELECT count(*) AS n, sum(v) AS total, avg(v) AS mean, max(k) AS last FROM events_wm
