SELECT CAST(window.start AS STRING) AS s, CAST(window.end AS STRING) AS e, count(*) AS n FROM events_wm GROUP BY window(t, '1 day', '12 hours')
