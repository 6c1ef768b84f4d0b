SELECT * FROM VALUES (1, 'a'), ('b', 'c') AS v(x, y)
