WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 't TIMESTAMP, d DATE, s STRING', map('timestampFormat', 'dd/MM/yyyy HH:mm:ss.SSS XXX', 'dateFormat', 'yyyyMMdd')) AS d FROM events)
)
SELECT k, t, d, s FROM p ORDER BY k
