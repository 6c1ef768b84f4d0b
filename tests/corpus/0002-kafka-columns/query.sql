SELECT key, value, topic, partition, offset, timestamp, timestampType, headers, CAST(value AS STRING) IS NULL AS gone, length(value) AS bytes, hex(value) AS hexed, size(headers) AS header_count
FROM events ORDER BY offset
