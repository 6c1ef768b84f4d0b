WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'l BIGINT, t TIMESTAMP, f DOUBLE') AS d FROM events)
)
SELECT l, unix_timestamp(t) AS u, to_unix_timestamp(t) AS tu, from_unixtime(l) AS fu, from_unixtime(l, 'dd.MM.yyyy HH') AS ff, timestamp_seconds(l) AS s, timestamp_millis(l) AS ms, timestamp_micros(l) AS us, timestamp_seconds(f) AS sf, unix_seconds(t) AS us2, unix_millis(t) AS um, unix_micros(t) AS uu, CAST(t AS BIGINT) AS cl, CAST(t AS DOUBLE) AS cd, CAST(l AS TIMESTAMP) AS ct, CAST(f AS TIMESTAMP) AS cf, CAST(t AS DECIMAL(20,6)) AS dc, date_from_unix_date(18755) AS du, unix_timestamp(CAST(t AS DATE)) AS ud FROM p ORDER BY l NULLS FIRST
