WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'c CHAR(3), vc VARCHAR(2), s STRING') AS d FROM events
)
SELECT k, d.c, d.vc, d.s, length(d.c) AS lc, concat('[', d.c, ']') AS b, typeof(d) AS ty FROM p ORDER BY k
