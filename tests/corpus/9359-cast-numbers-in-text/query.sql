WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRING') AS d FROM events)
)
SELECT k, s, CAST(s AS INT) AS i, CAST(s AS TINYINT) AS t, CAST(s AS BIGINT) AS l, CAST(s AS DOUBLE) AS d, CAST(s AS FLOAT) AS f, CAST(s AS DECIMAL(10,2)) AS e, int(s) IS NULL AS n, s + 1 AS p1, s * 1 = 1 AS eq1, try_cast(s AS SMALLINT) AS sm FROM p ORDER BY k
