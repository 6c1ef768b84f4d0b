WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'ms BIGINT') AS d FROM events)
)
SELECT k, ms, timestamp_millis(ms) AS t, timestamp_seconds(floor(ms / 1000 / 900) * 900) AS b15, timestamp_seconds((ms div 1000) div 300 * 300) AS b5, date_trunc('HOUR', timestamp_millis(ms)) AS hr, CAST(timestamp_millis(ms) AS DATE) AS d, date_from_unix_date(CAST(floor(ms / 86400000) AS INT)) AS d2, from_unixtime(ms div 1000, 'yyyy-MM-dd HH:mm') AS f, unix_millis(timestamp_millis(ms)) = ms AS same, unix_micros(timestamp_millis(ms)) AS us, CAST(timestamp_millis(ms) AS DOUBLE) AS dbl, CAST(timestamp_millis(ms) AS BIGINT) AS lng, pmod(ms, 60000) AS pm, CAST(ms / 1000 AS TIMESTAMP) AS ct, timestamp_seconds(ms / 1000.0) AS ts2 FROM p ORDER BY k
