WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'id INT, t TIMESTAMP, amt DECIMAL(8,3), note STRING, tags ARRAY<STRING>, m MAP<STRING, DOUBLE>') AS d FROM events
)
SELECT k, to_json(d) AS same, to_json(named_struct('id', d.id, 'day', CAST(d.t AS DATE), 'amt2', d.amt * 2, 'd', d)) AS more, to_json(d, map('ignoreNullFields', 'false')) AS nulls, from_json(to_json(d), 'id INT, t TIMESTAMP, amt DECIMAL(8,3), note STRING, tags ARRAY<STRING>') = d AS eq, to_json(d.tags) AS jt FROM (SELECT k, from_json(v, 'id INT, t TIMESTAMP, amt DECIMAL(8,3), note STRING, tags ARRAY<STRING>') AS d, v FROM p) ORDER BY k
