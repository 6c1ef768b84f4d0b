WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'd DATE, amt DECIMAL(8,2)') AS d FROM events)
)
SELECT date_trunc('MONTH', d) AS month, count(*) AS n, sum(amt) AS total, avg(amt) AS mean, max(d) - min(d) AS span, max(d) AS last, sum(CAST(amt AS FLOAT)) AS f FROM p GROUP BY date_trunc('MONTH', d) ORDER BY month
