SELECT e.country, amount, c FROM events_wm e JOIN (SELECT country, count(*) AS c FROM regions GROUP BY country) r ON e.country = r.country
