WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id INT, s STRING, x DOUBLE') AS d FROM events)
)
SELECT id, s, x FROM p ORDER BY id
