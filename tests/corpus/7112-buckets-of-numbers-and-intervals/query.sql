WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'v DOUBLE, i INT') AS d FROM events)
)
SELECT k, width_bucket(v, 0.0, 100.0, 10) AS wb, width_bucket(v, 100, 0, 4) AS rev, width_bucket(v, 5, 5, 3) AS bad, floor(v / 10) * 10 AS fl, i div 10 * 10 AS dv, pmod(hash(i), 4) AS h4, pmod(i, 4) AS p4, xxhash64(i, v) AS xx, CASE WHEN v < 0 THEN 'neg' WHEN v < 10 THEN 'low' WHEN v <= 100 THEN 'mid' ELSE 'rest' END AS c, width_bucket(make_dt_interval(0, i), INTERVAL '0' HOUR, INTERVAL '24' HOUR, 4) AS wi, round(v, -1) AS r, bround(v / 3, 1) AS br, ceil(v, 1) AS ce, floor(v, -1) AS f1, rint(v) AS ri, sign(v) AS sg, ntile(3) OVER (ORDER BY i NULLS LAST, k) AS nt FROM p ORDER BY k
