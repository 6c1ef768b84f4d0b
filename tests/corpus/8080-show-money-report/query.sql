WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'c STRING, amt DECIMAL(12,2), r DOUBLE, d DATE, ok BOOLEAN') AS d FROM events)
)
SELECT c AS `Customer Name`, amt AS `Amount (EUR)`, round(r * 100, 1) AS pct, d AS dt, ok, amt < 0 AS `negative?`, r FROM p ORDER BY k
