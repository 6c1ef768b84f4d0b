SELECT t, d, k, v, n FROM events_wm
