SELECT 1 AS a_column_name_that_is_much_longer_than_twenty_characters, 'x' AS `with space`, NULL AS `back``tick`, 2 AS `日本`, 3 AS `new
line`
