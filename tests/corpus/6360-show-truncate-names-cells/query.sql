SELECT repeat('a', 19) AS a, repeat('b', 20) AS b, repeat('c', 21) AS c, repeat('d', 100) AS d
