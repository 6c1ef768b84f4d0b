WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'c STRING, d DATE, amt DECIMAL(8,2)') AS d FROM events)
), pv AS (SELECT * FROM (SELECT c, year(d) AS y, month(d) AS m, amt FROM p) PIVOT (sum(amt) AS s, count(*) AS n FOR m IN (1 AS jan, 2 AS feb, 3 AS mar, 12 AS `dec`)))
SELECT *, coalesce(jan_s, 0) + coalesce(feb_s, 0) + coalesce(mar_s, 0) AS q1, dec_n IS NULL AS nodec FROM pv ORDER BY c NULLS LAST, y NULLS LAST
