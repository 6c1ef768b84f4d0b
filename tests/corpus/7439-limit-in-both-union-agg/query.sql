SELECT k, count(*) AS n FROM (SELECT k FROM (SELECT k FROM events_wm LIMIT 3) UNION ALL SELECT concat(k, '2') FROM events_wm) GROUP BY k
