SELECT CAST(window.start AS STRING) AS s, k, sum(v) AS total FROM events_wm GROUP BY window(t, '1 day', '12 hours'), k
