WITH t AS (SELECT a, b, c, named_struct('x', a, 'y', b) AS s, array(a, a + 1) AS arr, map(b, a) AS m, timestamp'2024-01-01 00:00:00' + make_dt_interval(0, a, 0, 0) AS ts, date'2024-01-01' + a AS d FROM VALUES (1, 'x', 1.5D), (2, 'y', 2.5D), (3, 'x', CAST(NULL AS DOUBLE)), (NULL, 'z', 4.5D), (2, 'x', 0.5D) AS t(a, b, c)),
u AS (SELECT * FROM VALUES (1, 'p', 10L), (2, 'q', 20L), (4, 'r', 40L), (2, 'q2', NULL) AS w(a, e, f))
SELECT a, c AS a, b FROM t ORDER BY a + 1 DESC, c
