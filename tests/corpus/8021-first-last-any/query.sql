WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'g STRING, o INT, v STRING') AS d FROM events)
)
SELECT g, min_by(v, o) AS mb, max_by(v, o) AS xb, max_by(o, v) AS ov, min_by(struct(v, o), -o) AS ms, first(v, true) IS NULL AS fn, any_value(v, true) IS NOT NULL AS an, last(v) IGNORE NULLS IS NULL AS ln, max(v) AS mx, min(nullif(v, '')) AS mn, count(nullif(v, '')) AS nn FROM p GROUP BY g ORDER BY g
