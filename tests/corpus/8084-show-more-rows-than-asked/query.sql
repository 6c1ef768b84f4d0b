WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'v INT') AS d FROM events)
)
SELECT v, repeat('#', v) AS bar, if(v > 20, 'a much wider text than before', 'n') AS w, v = 24 AS z FROM p ORDER BY v
