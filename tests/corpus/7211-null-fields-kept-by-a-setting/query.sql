WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, s STRING, a STRUCT<x: INT, y: DOUBLE>') AS d FROM events)
)
SELECT id, to_json(struct(*)) AS j, to_json(a) AS ja, to_json(map('k', s)) AS m, to_json(struct(*), map('ignoreNullFields', 'true')) AS o FROM p ORDER BY id
