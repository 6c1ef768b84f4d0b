SELECT id, s FROM VALUES (1, 'line1\nline2 and more text'), (2, '0123456789012345\t789'), (3, 'exactly twenty chars'), (4, 'exactly twenty-one ch'), (5, '01234567890123456\n') AS v(id, s) ORDER BY id
