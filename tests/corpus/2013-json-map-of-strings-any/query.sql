WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'm MAP<STRING, STRING>') AS d FROM events
)
SELECT k, d.m, size(d.m) AS n, d.m.a AS ma, d.m[''] AS me, get_json_object(d.m['f'], '$.p') AS fp, from_json(d.m['f'], 'p INT').p AS p2 FROM p ORDER BY k
