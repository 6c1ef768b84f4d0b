SELECT k, count(*) AS n, sum(v) AS total FROM (SELECT k, v FROM events_wm LIMIT 6) GROUP BY k ORDER BY k
