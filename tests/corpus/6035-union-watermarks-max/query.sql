SELECT window.start AS s, src, count(*) AS n FROM (SELECT t, 'A' AS src FROM ea UNION ALL SELECT t, k FROM eb) GROUP BY window(t, '10 minutes'), src
