WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRING') AS d FROM events)
)
SELECT k, regexp_extract_all(s, '(\\w+)', 1) AS w, regexp_extract_all(s, '\\d+', 0) AS nu, regexp_substr(s, '[A-Z]+') AS caps, regexp_instr(s, '\\s') AS i, size(split(trim(s), '\\s+')) AS n, transform(array_distinct(split(lower(s), '[^\\w]+')), x -> concat(x, ':', size(filter(split(lower(s), '[^\\w]+'), y -> y = x)))) AS cnt, array_max(transform(split(s, ' '), x -> length(x))) AS longest, sentences(s) AS sn, initcap(s) AS ic, reverse(s) AS rv, soundex(s) AS sx FROM p ORDER BY k
