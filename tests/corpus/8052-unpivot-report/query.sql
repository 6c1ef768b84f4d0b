WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id INT, q1 INT, q2 BIGINT, q3 DOUBLE, n1 STRING, n2 STRING, n3 STRING') AS d FROM events)
)
SELECT id, qtr, val, note, count(*) OVER (PARTITION BY id) AS n, sum(val) OVER (PARTITION BY id ORDER BY qtr) AS run, typeof(val) AS t FROM (SELECT id, q1, q2, q3, n1, n2, n3 FROM p) UNPIVOT INCLUDE NULLS ((val, note) FOR qtr IN ((q1, n1) AS `Q1`, (q2, n2) AS `Q2`, (q3, n3))) ORDER BY id, qtr
