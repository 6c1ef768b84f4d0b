SELECT a.k, a.n, r.region FROM (SELECT k, count(*) AS n, max(v) AS mx FROM events_wm GROUP BY k) a JOIN regions r ON a.mx > r.pop
