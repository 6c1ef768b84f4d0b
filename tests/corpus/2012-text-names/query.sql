WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT upper(s), lcase(s), ucase(s), lower(s), length(s), len(s), char_length(s), substr(s, 2), substring(s, 2), left(s, 1), lpad(s, 3), rpad(s, 20, 'x'), trim(s), ltrim(s), btrim(s), trim('H' FROM s), replace(s, 'l'), translate(s, 'lo', 'xy'), split(s, ' '), concat(s, n), concat_ws(',', s, n), s || n, instr(s, 'o'), locate('o', s), initcap(s), reverse(s), ascii(s), base64(s), hex(s), md5(s), overlay(s PLACING 'x' FROM 1), regexp_replace(s, 'l+', 'L'), regexp_extract(s, '(\\w+)'), s LIKE 'H%', s RLIKE 'W', s ILIKE 'h%', format_string('%s-%d', s, n), mask(s), sentences(s), if(n > 3, 'a', 'b'), nvl(s, 'z'), coalesce(s, 'q'), isnull(s), soundex(s) FROM p ORDER BY n
