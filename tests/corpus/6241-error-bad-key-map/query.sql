SELECT m, count(*) AS n FROM (SELECT map(k, v) AS m FROM events_wm) GROUP BY m
