WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING') AS d FROM events)
)
SELECT s, CAST(s AS TINYINT) AS t, CAST(s AS INT) AS i, CAST(s AS BIGINT) AS l, CAST(s AS FLOAT) AS f, CAST(s AS DOUBLE) AS d, CAST(s AS DECIMAL(7,2)) AS dc, CAST(s AS DECIMAL(38,0)) AS big, s + 1 AS p, s > 5 AS g, int(s) AS fi, s * '2' AS ss, CAST(s AS SMALLINT) AS sm FROM p ORDER BY s
