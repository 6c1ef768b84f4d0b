SELECT e.k, e.v, r.tag FROM events_wm e JOIN (SELECT country, region AS tag FROM regions UNION ALL SELECT lower(substr(region, 1, 1)), 'x' FROM regions UNION SELECT 'c', 'cc') r ON e.k = r.country
