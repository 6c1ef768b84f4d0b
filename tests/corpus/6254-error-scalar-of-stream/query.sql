SELECT k, (SELECT max(v) FROM events_wm) AS m FROM events_wm
