SELECT date_format(window.start, 'HH:mm') AS w, k, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY window(t, '30 minutes'), k HAVING count(*) > 1 ORDER BY w, k
