WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 't TIMESTAMP, n TIMESTAMP_NTZ, d DATE', map('timeZone', 'Europe/Berlin')) AS d FROM events)
)
SELECT k, t, n, d, date_format(t, 'yyyy-MM-dd HH:mm:ss.SSSSSS VV') AS txt, CAST(t AS STRING) AS s FROM p ORDER BY k
