SELECT key, value, partition, offset, timestamp, timestampType FROM events ORDER BY offset
