SELECT date_trunc('minute', t) AS m, count(*) AS n FROM events_wm GROUP BY date_trunc('minute', t)
