SELECT id FROM range(3) ORDER BY id
