SELECT count(*) AS n, sum(v) AS s, collect_list(k) AS l, max(t) AS m FROM events_wm
