SELECT nope(k) FROM events_wm
