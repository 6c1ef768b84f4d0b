WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 's STRING, n INT') AS d FROM events)
)
SELECT s, n, left(s, n) AS l, right(s, n) AS r, substring(s, n) AS su, substring(s, -n, 3) AS sn, substr(s, 2, n) AS s2, lpad(s, 12, '*-') AS lp, rpad(s, n, '.') AS rp, repeat(s, n) AS re, space(n) AS sp, concat_ws('-', s, n, array(s, 'q')) AS cw, split_part(s, ',', n) AS spl, substring_index(s, ' ', 1) AS si, overlay(s PLACING '##' FROM 2 FOR 1) AS ov FROM p WHERE n IS NULL OR n <> 0 ORDER BY s, n
