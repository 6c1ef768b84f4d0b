SELECT * FROM explode(array(10, 20)) AS a JOIN posexplode(array('x', 'y')) AS b(p, c) CROSS JOIN range(2, 8, 3) r CROSS JOIN inline(array(struct(1, 'q'))) ORDER BY ALL
