SELECT k, count(v) AS n, sum(v) AS total FROM points GROUP BY k HAVING sum(v) > 3 ORDER BY k
