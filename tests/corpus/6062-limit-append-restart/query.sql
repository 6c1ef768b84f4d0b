SELECT k, v, t FROM events_wm LIMIT 3
