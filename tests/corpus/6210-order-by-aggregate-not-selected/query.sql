SELECT k FROM events_wm GROUP BY k ORDER BY sum(v) DESC, max(t)
