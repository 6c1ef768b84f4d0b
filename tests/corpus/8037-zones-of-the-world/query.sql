WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'z STRING') AS d FROM events)
)
SELECT z, from_utc_timestamp(TIMESTAMP '2021-06-30 23:45:00', z) AS a, to_utc_timestamp(TIMESTAMP '2021-06-30 23:45:00', z) AS b, from_utc_timestamp('2021-12-31 12:00:00', z) AS c, CAST(from_utc_timestamp('2011-12-30 12:00:00', z) AS DATE) AS d, convert_timezone('UTC', z, TIMESTAMP_NTZ '2021-01-01 00:00:00') AS e, timestampdiff(MINUTE, TIMESTAMP '2021-07-01 00:00:00', from_utc_timestamp(TIMESTAMP '2021-07-01 00:00:00', z)) AS off, make_timestamp(2021, 7, 1, 0, 0, 0.5, z) AS m, unix_timestamp(make_timestamp(1970, 1, 1, 0, 0, 0, z)) AS u FROM p ORDER BY z NULLS LAST
