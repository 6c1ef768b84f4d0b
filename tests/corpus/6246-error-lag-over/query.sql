SELECT lag(v) OVER (ORDER BY t) AS l FROM events_wm
