SELECT k, max_by(v, t) AS a, min_by(v, t) AS b, max_by(struct(v, t), v) AS c, min_by(t, v) AS d FROM events_wm GROUP BY k
