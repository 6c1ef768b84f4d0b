SELECT metric, count(*) AS n, count(val) AS c, sum(val) AS total, max(val) AS mx FROM (SELECT explode(m) AS (metric, val) FROM ms) GROUP BY metric ORDER BY metric
