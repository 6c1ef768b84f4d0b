SELECT upper(k) FROM events_wm WHERE v > 1
