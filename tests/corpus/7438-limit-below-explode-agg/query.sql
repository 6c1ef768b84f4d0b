SELECT x, count(*) AS n FROM (SELECT explode(array(v, v % 2)) AS x FROM (SELECT v FROM events_wm LIMIT 4)) GROUP BY x
