SELECT window.start AS s, w, count(*) AS n, sum(q) AS q, count(q) AS cq, collect_list(id) AS ids FROM (SELECT t, id, inline_outer(l) AS (w, q) FROM events_wm) GROUP BY window(t, '10 minutes'), w
