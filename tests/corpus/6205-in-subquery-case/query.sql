SELECT country, CASE WHEN country IN (SELECT code FROM codes) THEN 'known' WHEN country IS NULL THEN 'null' ELSE 'new' END AS c FROM events_wm
