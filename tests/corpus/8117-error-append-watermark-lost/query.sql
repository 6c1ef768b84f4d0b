SELECT window.start, count(*) FROM (SELECT CAST(CAST(t AS STRING) AS TIMESTAMP) AS t FROM events_wm) GROUP BY window(t, '10 minutes')
