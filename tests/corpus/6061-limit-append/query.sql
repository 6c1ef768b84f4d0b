SELECT k, v FROM events_wm WHERE v > 1 LIMIT 4
