SELECT k, v FROM events_wm
