SELECT k, n FROM (SELECT k, count(*) AS n FROM events_wm GROUP BY k) WHERE k NOT IN (SELECT country FROM regions WHERE country IS NOT NULL AND region <> 'West') ORDER BY k
