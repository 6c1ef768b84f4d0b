WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'a STRING, b STRING') AS d FROM events)
)
SELECT k, levenshtein(a, b) AS l, levenshtein(a, b, 2) AS l2, levenshtein(a, b, 0) AS l0, soundex(a) = soundex(b) AS sx, round(1 - levenshtein(a, b) / greatest(length(a), length(b)), 3) AS sim, contains(a, substr(b, 2, 2)) AS c, startswith(a, left(b, 1)) AS st, endswith(b, right(a, 1)) AS en, instr(a, substring(b, 1, 1)) AS i, size(array_intersect(split(a, ''), split(b, ''))) AS common, a < b AS lt, greatest(a, b) AS g, a <=> b AS ns, locate('t', b, 5) AS lo FROM p ORDER BY k
