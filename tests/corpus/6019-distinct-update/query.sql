SELECT DISTINCT k, v % 3 AS r FROM events_wm
