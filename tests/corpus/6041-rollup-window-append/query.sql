SELECT window.start AS s, k, count(*) AS n, grouping(k) AS g, grouping_id() AS gi FROM events_wm GROUP BY window(t, '10 minutes'), ROLLUP(k)
