SELECT window.start AS s, src, count(*) AS n, sum(v) AS total FROM (SELECT t, v, 'A' AS src FROM ea UNION ALL SELECT t, v * 10, 'B' FROM eb) GROUP BY window(t, '10 minutes'), src
