SELECT window.start AS s, CAST(window.start AS STRING) AS ss, count(*) AS n, collect_list(CAST(t AS STRING)) AS ts, max(CAST(t AS DATE)) AS d FROM events_wm GROUP BY window(t, '1 hour')
