SELECT 'abcde' AS a, 'abcd' AS b, 12345 AS c, array(1,2,3) AS d, NULL AS e
