SELECT k, v, concat(repeat('é', 25), k) AS long_text FROM events_wm
