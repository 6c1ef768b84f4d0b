SELECT array(1.0E10D, 0.1D, DOUBLE('NaN')) AS d, array(CAST(0.1 AS FLOAT)) AS f, struct(1.50BD AS m, CAST(7 AS TINYINT) AS t, 5L AS l) AS s, map(1.5D, -0.0D) AS m, array(true, NULL) AS b
