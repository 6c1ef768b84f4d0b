SELECT window.start AS s, w, count(*) AS n, sum(aggregate(l, 0, (a, x) -> a + coalesce(x, 0))) AS t FROM p LATERAL VIEW explode(s) e AS w GROUP BY window(ts, '1 day'), w
