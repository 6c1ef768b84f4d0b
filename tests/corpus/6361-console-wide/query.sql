SELECT k, concat(k, repeat('日', 20)) AS w FROM events_wm
