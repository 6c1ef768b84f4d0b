SELECT k, count(1) AS a, count(*) AS b, count(NULL) AS c, count(v, t) AS d, sum(CASE WHEN v > 1 THEN 1 ELSE 0 END) AS e, count_if(v IS NULL) AS f FROM events_wm GROUP BY k
