SELECT CAST(t AS DATE) AS d, k, count(*) AS n, sum(v) AS total, max(v) AS mx FROM events_wm GROUP BY CAST(t AS DATE), k
