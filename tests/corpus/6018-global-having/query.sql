SELECT sum(v) AS s FROM events_wm HAVING sum(v) > 10
