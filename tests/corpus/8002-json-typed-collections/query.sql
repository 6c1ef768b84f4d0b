WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'ad ARRAY<DATE>, at ARRAY<TIMESTAMP>, ade ARRAY<DECIMAL(5,2)>, mb MAP<STRING, BOOLEAN>, mx MAP<STRING, BINARY>, z INT') AS d FROM events)
)
SELECT k, ad, at, ade, mb, mx, z FROM p ORDER BY k
