SELECT * FROM ((SELECT k, v FROM events_wm WHERE k = 'a' LIMIT 2) UNION ALL (SELECT 'all', v FROM events_wm)) LIMIT 6
