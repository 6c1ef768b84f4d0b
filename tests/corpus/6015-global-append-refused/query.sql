SELECT count(*) AS n FROM events_wm
