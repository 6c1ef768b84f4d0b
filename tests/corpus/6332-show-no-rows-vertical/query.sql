SELECT 1 AS a, 'x' AS long_name WHERE false
