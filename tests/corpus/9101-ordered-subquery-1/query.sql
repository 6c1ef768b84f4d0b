SELECT k, collect_list(s) AS c FROM (SELECT s, k FROM VALUES (3, 'a'), (1, 'b'), (2, 'a'), (0, 'b') AS v(s, k) ORDER BY s DESC) GROUP BY k ORDER BY k
