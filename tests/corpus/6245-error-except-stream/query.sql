SELECT k FROM events_wm EXCEPT SELECT k FROM events_wm WHERE v > 1
