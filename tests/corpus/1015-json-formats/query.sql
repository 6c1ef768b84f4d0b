WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'd DATE, t TIMESTAMP, n TIMESTAMP_NTZ, z INT', map('dateFormat', 'dd/MM/yyyy', 'timestampFormat', 'dd.MM.yyyy HH:mm:ss[.SSS][ XXX]', 'timestampNTZFormat', 'yyyyMMdd HHmmss')) AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.d, d.t, d.n, d.z FROM p ORDER BY k
