SELECT at, CAST(at AS STRING) AS txt, CAST(at AS DATE) AS day, hour(at) AS h, date_trunc('DAY', at) AS midnight, unix_timestamp(at) AS secs, date_format(at, 'yyyy-MM-dd HH:mm XXX') AS f,
  at + INTERVAL 1 DAY AS next_day, date_add(at, 1) AS d1, to_utc_timestamp(at, 'Europe/Berlin') AS utc
FROM (SELECT CAST(get_json_object(CAST(value AS STRING), '$.at') AS TIMESTAMP) AS at FROM events) ORDER BY at
