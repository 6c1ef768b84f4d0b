SELECT count(*) AS n, sum(v) AS total, max(k) AS mk FROM (SELECT k, v FROM events_wm WHERE v IS NOT NULL LIMIT 8)
