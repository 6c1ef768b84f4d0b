WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'm MAP<STRING, STRUCT<n: INT, tags: ARRAY<STRING>>>') AS d FROM events)
), q AS (SELECT k, m, r, s FROM p LATERAL VIEW OUTER explode(m) t AS r, s)
SELECT k, r, s.n, s.tags, size(s.tags) AS nt, m['eu'].n AS eu, m.us.n AS us, map_keys(map_filter(m, (a, b) -> b.n > 0)) AS pos, element_at(m, 'eu').tags[0] AS t0 FROM q ORDER BY k, r
