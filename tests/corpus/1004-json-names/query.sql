WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), 'a INT, `é` STRING, `a b` INT, `a.b` INT, `$x` INT, B STRING, `1` INT') AS d FROM events
)
SELECT k, d IS NULL AS d_null, d.a, d.`é`, d.`a b`, d.`a.b`, d.`$x`, d.B, d.`1` FROM p ORDER BY k
