SELECT t, k, v FROM events_wm WHERE v > 1
