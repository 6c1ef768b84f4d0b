SELECT 'A' AS src, k, v FROM ea UNION ALL SELECT 'B', k, v * 2 FROM eb
