SELECT k, count(*) AS n FROM (SELECT k, v FROM events_wm LIMIT 6) GROUP BY k
