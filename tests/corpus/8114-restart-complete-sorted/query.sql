SELECT k, count(*) AS n, sum(v) AS total, max_by(v, t) AS last_v FROM events_wm GROUP BY k ORDER BY total DESC, k
