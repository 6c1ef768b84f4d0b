SELECT k, v FROM events_wm WHERE v < 4 UNION SELECT k, v + 1 FROM events_wm
