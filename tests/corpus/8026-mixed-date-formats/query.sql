WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRING') AS d FROM events)
)
SELECT k, s, coalesce(to_date(s, 'yyyy-MM-dd'), to_date(s, 'dd.MM.yyyy'), to_date(s, 'MM/dd/yyyy'), to_date(s, 'd MMM yyyy'), to_date(s, 'MMM d, yyyy'), to_date(s, 'yyyyMMdd'), to_date(s, 'yyyy-DDD')) AS d, to_timestamp(s, 'yyyy-MM-dd[ HH:mm]') AS t1, to_timestamp(s, "yyyy-MM-dd'T'HH:mm:ss.SSSX") AS t2, to_timestamp(s, 'h:mm a') AS t3, to_date(s) AS d0, unix_timestamp(s, 'dd.MM.yyyy') AS u, try_to_timestamp(s, 'yyyyMMdd') AS tr, to_timestamp_ntz(s, 'yyyy-MM-dd HH:mm') AS n FROM p ORDER BY k
