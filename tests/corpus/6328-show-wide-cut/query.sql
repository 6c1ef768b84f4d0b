SELECT id, s FROM VALUES (1, '日本語テキスト日本語テキスト日本語テキスト'), (2, repeat('😀', 12)), (3, concat(repeat('a', 16), '😀😀')), (4, concat(repeat('é', 17), '日本語日本')), (5, repeat('x', 20)) AS v(id, s) ORDER BY id
