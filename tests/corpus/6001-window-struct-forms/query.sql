SELECT w, w.*, w.start, mn FROM (SELECT window AS w, k, min(v) AS mn FROM events_wm GROUP BY window(t, '10 minutes', '5 minutes'), k)
