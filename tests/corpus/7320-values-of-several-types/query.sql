SELECT * FROM VALUES (1, timestamp'2024-01-01', array(1), map('a', 1), NULL), (2.5, date'2024-01-02', array(2.5), map('b', 2L), 'x'), (3L, NULL, NULL, map('c', NULL), NULL) AS v(n, t, a, m, x)
