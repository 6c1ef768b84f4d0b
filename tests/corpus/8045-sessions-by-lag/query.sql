WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'u STRING, t TIMESTAMP, pg STRING') AS d FROM events)
), f AS (SELECT *, CASE WHEN t - lag(t) OVER w >= INTERVAL '30' MINUTE OR lag(t) OVER w IS NULL THEN 1 ELSE 0 END AS new FROM p WINDOW w AS (PARTITION BY u ORDER BY t)), s AS (SELECT *, sum(new) OVER (PARTITION BY u ORDER BY t ROWS UNBOUNDED PRECEDING) AS sid FROM f)
SELECT u, sid, count(*) AS n, min(t) AS st, max(t) - min(t) AS dur, (unix_timestamp(max(t)) - unix_timestamp(min(t))) / 60 AS mins, min_by(pg, t) AS entry, max_by(pg, t) AS exit, row_number() OVER (PARTITION BY u ORDER BY sid DESC) AS back FROM s GROUP BY u, sid ORDER BY u NULLS FIRST, sid
