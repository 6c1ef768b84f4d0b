SELECT CAST(window.start AS STRING) AS s, sum(m) AS sm, avg(m) AS am, sum(CASE WHEN b THEN m END) AS sb, count(d) AS c FROM events_wm GROUP BY window(t, '1 day', '1 day', '18 hours 30 minutes')
