SELECT upper(coalesce(k, '?')) AS kk, v % 2 = 0 AS even, date_format(t, 'HH') AS h, count(*) AS n FROM events_wm GROUP BY kk, 2, date_format(t, 'HH')
