WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'l BIGINT, d DOUBLE') AS d FROM events)
)
SELECT l, d, from_unixtime(l) AS f, from_unixtime(l, 'yyyy/MM/dd HH') AS ff, timestamp_seconds(l) AS ts, timestamp_seconds(d) AS td, timestamp_millis(l) AS tm, timestamp_micros(l) AS tu, unix_seconds(timestamp_millis(l)) AS us, unix_millis(timestamp_micros(l)) AS um, unix_micros(timestamp_seconds(d)) AS uu, date_from_unix_date(CAST(l % 100000 AS INT)) AS dd, unix_date(CAST(timestamp_seconds(d) AS DATE)) AS ud, unix_timestamp(timestamp_seconds(d)) AS ut, to_unix_timestamp('2021-05-08 00:00:00') AS tt, unix_timestamp('2021-05-08', 'yyyy-MM-dd') AS tp, unix_timestamp('bad') AS tb FROM p ORDER BY l
