WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT s, instr(s, 'l') AS i, locate('e', s) AS l, locate('e', s, 4) AS l4, position('l' IN s) AS po, contains(s, 'o') AS c, startswith(s, 'H') AS st, endswith(s, ' ') AS en, find_in_set('b', s) AS f, ascii(s) AS a, length(s) AS le, char_length(s) AS cl, octet_length(s) AS ol, bit_length(s) AS bl, levenshtein(s, 'Hello') AS lv, soundex(s) AS so, initcap(s) AS ic, upper(s) AS u, lower(s) AS lo, reverse(s) AS rv FROM p ORDER BY s
