WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT s, regexp_replace(s, '(\\d+)', '[$1]') AS a, regexp_extract(s, '([a-z]+)(\\d+)', 2) AS b, regexp_extract_all(s, '([a-z])=(\\d+)', 2) AS c, regexp_count(s, '[A-Z]') AS d, regexp_instr(s, '\\d') AS e, regexp_substr(s, '[^a-z]+') AS f, s RLIKE '^\\p{Upper}' AS g, s RLIKE '(?i)^a' AS h, regexp_replace(s, '\\.', '/') AS i, regexp_replace(s, 'a*', '-') AS j, split(s, '[X.;]') AS k, split(s, 'X', 2) AS l, regexp_like(s, '\\d{2,}$') AS m, regexp_replace(s, '(?<l>[a-z])(?=\\d)', '<$1>') AS o, s RLIKE 'e1$' AS q, regexp_extract(s, '^(.*)$', 1) AS r, regexp_replace(s, '[^\\w\\s]', '') AS t FROM p ORDER BY s
