WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id STRING, ok STRING, amt STRING, t STRING') AS d FROM events)
)
SELECT k, id, CAST(id AS BIGINT) AS idn, CAST(ok AS BOOLEAN) AS okb, coalesce(CAST(ok AS BOOLEAN), ok IN ('Y', 'y')) AS ok2, CAST(replace(amt, ',', '.') AS DECIMAL(10,2)) AS amtd, CAST(regexp_replace(amt, '[^0-9.,]', '') AS DOUBLE) AS amtf, CASE WHEN t RLIKE '^[0-9]{13}$' THEN timestamp_millis(CAST(t AS BIGINT)) WHEN t RLIKE '^[0-9.E]+$' THEN timestamp_seconds(CAST(t AS DOUBLE)) ELSE CAST(t AS TIMESTAMP) END AS ts, nullif(id, 'null') AS idc FROM p ORDER BY k
