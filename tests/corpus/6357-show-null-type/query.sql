SELECT NULL AS n, array(NULL) AS a, map('k', NULL) AS m, struct(NULL AS x) AS s, array() AS e, map() AS em
