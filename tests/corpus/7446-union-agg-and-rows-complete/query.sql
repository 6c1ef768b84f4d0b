SELECT k, count(*) AS n FROM events_wm GROUP BY k UNION ALL SELECT k, CAST(v AS BIGINT) FROM events_wm
