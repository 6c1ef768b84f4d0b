SELECT k, count(*) AS n FROM (SELECT k, v FROM events_wm ORDER BY v) GROUP BY k
