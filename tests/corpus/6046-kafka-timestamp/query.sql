SELECT window.start AS s, CAST(key AS STRING) AS key, partition, count(*) AS n, min(offset) AS o, max(length(value)) AS len FROM events_wm GROUP BY window(timestamp, '10 seconds'), key, partition
