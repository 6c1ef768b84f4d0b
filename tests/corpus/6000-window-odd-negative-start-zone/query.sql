SELECT window.start AS s, window.end AS e, k, count(*) AS n, sum(v) AS total, CAST(window.start AS STRING) AS txt FROM events_wm GROUP BY window(t, '7 minutes', '3 minutes', '-1 minute'), k
