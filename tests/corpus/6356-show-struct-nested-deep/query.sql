SELECT struct(map('a', array(struct(1 AS x, map(2, array('z')) AS y), NULL)) AS m, array(array(NULL, struct(NULL AS n))) AS aa) AS deep
