SELECT id, id % 3 AS r FROM range(12) ORDER BY id
