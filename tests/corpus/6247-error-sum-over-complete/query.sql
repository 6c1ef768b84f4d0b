SELECT k, sum(sum(v)) OVER () AS x FROM events_wm GROUP BY k
