WITH o AS (SELECT s, k FROM VALUES (3, 'a'), (1, 'b'), (2, 'a'), (0, 'b') AS v(s, k) ORDER BY k, s) SELECT collect_list(concat(k, s)) AS c FROM o WHERE s > 0
