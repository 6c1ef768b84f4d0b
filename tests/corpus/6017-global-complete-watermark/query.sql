SELECT count(*) AS n, avg(v) AS a, min(k) AS mk FROM events_wm WHERE v > 2
