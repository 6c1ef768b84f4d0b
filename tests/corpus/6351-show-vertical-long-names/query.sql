SELECT 1 AS a, 'x' AS a_rather_long_name, repeat('y', 30) AS c, NULL AS d, 'two
lines' AS e UNION ALL SELECT 22222, '', 'z', 'q', 'w'
