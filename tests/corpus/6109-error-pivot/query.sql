SELECT * FROM (SELECT k, v FROM events_wm) PIVOT (sum(v) FOR k IN ('a', 'b'))
