SELECT count(*) AS n, count(v) AS c, sum(v) AS s, avg(v) AS a, max(struct(v, k)) AS top, min(k) AS mk, stddev_pop(v) AS sp, count(v) FILTER (WHERE v > 1) AS f FROM events_wm WHERE k <> 'skip'
