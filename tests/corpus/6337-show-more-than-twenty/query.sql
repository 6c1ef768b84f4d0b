SELECT id, concat('row ', id) AS s FROM range(25) ORDER BY id
