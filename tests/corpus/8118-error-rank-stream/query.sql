SELECT * FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY t DESC) AS r FROM events_wm) WHERE r = 1
