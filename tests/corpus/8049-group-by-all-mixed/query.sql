WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 't TIMESTAMP, s STRUCT<c: STRING>, v INT') AS d FROM events)
)
SELECT date_trunc('HOUR', t) AS h, s.c, coalesce(s.c, 'none') AS cc, 'lit' AS lit, count(*) AS n, sum(v) + 1 AS s1, concat(coalesce(s.c, '-'), '/', count(v)) AS txt, max(v) > 1 AS big FROM p GROUP BY ALL ORDER BY h NULLS LAST, c NULLS FIRST
