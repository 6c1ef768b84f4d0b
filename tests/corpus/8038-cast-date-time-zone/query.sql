WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'd DATE, t TIMESTAMP') AS d FROM events)
)
SELECT k, d, t, CAST(d AS TIMESTAMP) AS dt, CAST(CAST(d AS TIMESTAMP) AS STRING) AS ds, CAST(t AS DATE) AS td, d = t AS eq, d < t AS lt, t - d AS diff, datediff(t, d) AS dd, CAST(d AS TIMESTAMP_NTZ) AS dn, unix_timestamp(d) AS ud, to_unix_timestamp(d, 'yyyy') AS ud2, date_trunc('DAY', t) AS dy, trunc(t, 'MM') AS tm, hour(CAST(d AS TIMESTAMP)) AS h, CAST(t AS BIGINT) AS l, CAST(t AS DECIMAL(20,3)) AS de, CAST(t AS INT) IS NULL AS ni, d + INTERVAL '12' HOUR AS dh, typeof(d + INTERVAL '12' HOUR) AS ty, typeof(d + INTERVAL '1' DAY) AS ty2, date_format(d, 'yyyy-MM-dd HH:mm xxx') AS df, to_date(t) AS tt FROM p ORDER BY k
