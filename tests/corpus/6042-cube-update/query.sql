SELECT k, v % 2 AS r, count(*) AS n, sum(v) AS total, grouping_id(k, v % 2) AS gid FROM events_wm GROUP BY CUBE(k, v % 2)
