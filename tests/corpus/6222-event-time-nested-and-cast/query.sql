SELECT window.start AS s, window.end AS e, count(*) AS n, min(x) AS x FROM events_wm GROUP BY window(et, '1 day'), x
