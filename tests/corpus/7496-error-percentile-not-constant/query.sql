SELECT k, percentile(v, v / 10) AS p FROM events_wm GROUP BY k
