SELECT k, v FROM events_wm LIMIT 0
