SELECT count(*) AS n FROM events_wm LIMIT 1
