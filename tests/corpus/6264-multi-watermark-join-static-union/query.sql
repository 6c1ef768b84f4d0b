SELECT window.start AS s, count(*) AS n FROM (SELECT t FROM ea UNION ALL SELECT t FROM eb) GROUP BY window(t, '10 minutes')
