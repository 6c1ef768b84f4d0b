SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, partition, offset, timestamp, timestampType, length(topic) > 5 AS tp FROM events_wm
