SELECT id, IF(id = 18, repeat('w', 19), 'n') AS s FROM range(30) ORDER BY id
