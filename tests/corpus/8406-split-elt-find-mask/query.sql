WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT k, elt(n, 'one', s, 'three') AS el, find_in_set(s, 'a,b,Card-123,') AS fs, split(s, '-')[n] AS sp, split(s, '(?=[0-9])', 2) AS look, split_part(s, '-', n) AS pt, mask(s) AS m, mask(s, 'U', 'l', '#', '*') AS m2, mask(s, NULL, NULL, 'd') AS m3, str_to_map(s, '&', '=') AS mp, concat_ws('/', s, NULL, array('x', NULL, s), n) AS cw, luhn_check(s) AS lc, sentences(s) AS se, element_at(split(s, '-'), -1) AS last, array_join(split(s, '-'), '+', '?') AS aj FROM p ORDER BY k
