SELECT count(*) AS n, count(v) AS nv, sum(v) AS total, min(k) AS mk, avg(v) AS a, bool_or(v < 0) AS neg FROM events_wm
