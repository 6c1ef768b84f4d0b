SELECT k, v * 10 AS w FROM (SELECT * FROM events_wm LIMIT 3) WHERE v <> 2
