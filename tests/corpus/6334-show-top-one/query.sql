SELECT id, id * id AS q FROM range(5) ORDER BY id
