SELECT t, k FROM events_wm UNION SELECT t, k FROM events_wm
