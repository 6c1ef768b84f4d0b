SELECT country FROM events_wm UNION ALL SELECT country FROM regions
