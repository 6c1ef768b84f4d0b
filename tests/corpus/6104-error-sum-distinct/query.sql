SELECT sum(DISTINCT v) AS n FROM events_wm
