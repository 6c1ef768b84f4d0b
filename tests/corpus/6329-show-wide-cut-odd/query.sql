SELECT id, s FROM VALUES (1, 'ab😀cdefgh'), (2, 'abc😀defgh'), (3, '😀😀😀😀😀') AS v(id, s) ORDER BY id
