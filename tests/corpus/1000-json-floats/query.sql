WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'f FLOAT, d DOUBLE, t STRING') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.f, d.d, CAST(d.f AS STRING) AS ft, CAST(d.d AS STRING) AS dt, d.t FROM p ORDER BY k
