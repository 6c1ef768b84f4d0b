SELECT sum(count(*)) AS n FROM events_wm GROUP BY k
