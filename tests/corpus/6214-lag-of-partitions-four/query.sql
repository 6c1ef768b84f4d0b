SELECT window.start AS s, window.end AS e, count(*) AS n, collect_set(k) IS NOT NULL AS c FROM events_wm GROUP BY window(t, '1 minute')
