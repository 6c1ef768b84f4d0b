WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'g STRING, i INT, d DOUBLE, s STRING, dt DATE, b BOOLEAN') AS d FROM events)
)
SELECT g, count(*) AS n, count(i) AS ci, sum(i) AS si, avg(i) AS ai, min(i) AS mi, max(d) AS xd, sum(d) AS sd, min(s) AS ms, max(s) AS xs, min(dt) AS md, max(dt) AS xdt, bool_and(b) AS ba, bool_or(b) AS bo, every(b) AS ev, min(b) AS mb, count_if(b) AS cb, stddev(d) AS std, var_pop(d) AS vp, stddev_samp(i) AS ss, typeof(sum(i)) AS t1, typeof(avg(i)) AS t2, typeof(sum(d)) AS t3 FROM p GROUP BY g ORDER BY g NULLS LAST
