SELECT window.start AS s, region, count(*) AS n FROM events_wm GROUP BY window(t, '10 minutes'), region
