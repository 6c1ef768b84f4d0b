SELECT count(DISTINCT k, v) AS n FROM events_wm
