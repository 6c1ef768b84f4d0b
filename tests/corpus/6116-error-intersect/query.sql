SELECT k FROM events_wm INTERSECT SELECT k FROM events_wm WHERE v > 1
