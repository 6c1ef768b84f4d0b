SELECT DISTINCT k, v FROM events_wm
