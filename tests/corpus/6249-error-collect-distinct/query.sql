SELECT collect_list(DISTINCT v) AS n FROM events_wm
