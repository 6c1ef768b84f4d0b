SELECT window.start, count(*), sum(v) AS total FROM events_wm GROUP BY window(t, '10 minutes') HAVING window.start > TIMESTAMP '2021-05-08 12:05:00' ORDER BY window DESC
