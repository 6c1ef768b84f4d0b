SELECT window.start AS s, k, grouping_id() AS g, grouping(k) AS gk, count(*) AS n, sum(v) AS total FROM events_wm GROUP BY CUBE(window(t, '10 minutes'), k)
