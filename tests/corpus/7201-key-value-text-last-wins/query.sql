WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRING, c STRING') AS d FROM events)
)
SELECT k, map_entries(str_to_map(s, ';', '=')) AS m, str_to_map(s, ';', '=')['a'] AS a, map_keys(str_to_map(s, '\\s*;\\s*', '\\s*=\\s*')) AS ks, transform(split(s, ';'), x -> split(x, '=')[0]) AS names, filter(transform(split(s, ';'), x -> try_cast(split_part(x, '=', 2) AS INT)), x -> x IS NOT NULL) AS nums, from_csv(c, 'i INT, t STRING, d STRING') AS cs, size(split(c, ',')) AS nc, aggregate(transform(split(s, ''), x -> ascii(x)), 0, (q, x) -> q + x) AS sum_ascii, nvl2(s, 'has', 'none') AS has FROM p ORDER BY k
