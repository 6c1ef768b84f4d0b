WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, a STRING, b INT, v DOUBLE') AS d FROM events)
)
SELECT * FROM (SELECT g, a, b, v FROM p) PIVOT (round(avg(v), 1) AS av, max(v) - min(v) FOR (a, b) IN (('p', 1) AS p1, ('p', 2), ('q', 1) AS q1)) WHERE p1_av IS NOT NULL ORDER BY g
