SELECT 1 AS `列`, '日本語' AS b, 'x' AS ccccc UNION ALL SELECT 22, 'ab', '日本語テキスト日本語テキスト日本語'
