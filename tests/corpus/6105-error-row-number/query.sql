SELECT k, row_number() OVER (PARTITION BY k ORDER BY t) AS r FROM events_wm
