SELECT window.start AS s, window.end AS e, date_format(window.start, 'E') AS d, count(*) AS n FROM events_wm GROUP BY window(t, '1 week'), k
