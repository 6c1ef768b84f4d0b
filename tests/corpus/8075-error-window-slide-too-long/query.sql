WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'a INT, b STRING, l ARRAY<INT>, s STRUCT<x: INT>, m MAP<STRING, INT>, t TIMESTAMP') AS d FROM events)
)
SELECT window(t, '5 minutes', '10 minutes'), count(*) FROM p GROUP BY 1
