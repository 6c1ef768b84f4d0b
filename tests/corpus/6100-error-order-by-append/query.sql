SELECT k FROM events_wm ORDER BY k
