SELECT k, monotonically_increasing_id() AS id FROM events_wm
