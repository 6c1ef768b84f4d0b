SELECT e.t, e.k, e.v, r.region, r.rk FROM events_wm e JOIN (SELECT *, row_number() OVER (PARTITION BY country ORDER BY pop DESC NULLS LAST) AS rk FROM regions) r ON e.k = r.country AND r.rk = 1
