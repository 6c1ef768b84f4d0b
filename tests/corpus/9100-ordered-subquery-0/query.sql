SELECT collect_list(s) AS c, first(s) AS f, last(s) AS l FROM (SELECT s, k FROM VALUES (3, 'a'), (1, 'b'), (2, 'c') AS v(s, k) ORDER BY s)
