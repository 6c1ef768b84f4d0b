WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'a STRING, b STRING') AS d FROM events)
), q AS (SELECT k, CAST(a AS TIMESTAMP) AS x, CAST(b AS TIMESTAMP) AS y FROM p)
SELECT k, x, y, months_between(y, x) AS mb, months_between(y, x, false) AS mbu, floor(months_between(y, x) / 12) AS age, datediff(y, x) AS dd, y - x AS iv, CAST(y - x AS STRING) AS ivs, timestampdiff(HOUR, x, y) AS h, timestampdiff(YEAR, x, y) AS yr, timestampdiff(MONTH, x, y) AS mo, unix_timestamp(y) - unix_timestamp(x) AS secs, extract(DAY FROM y - x) AS ed, extract(HOUR FROM y - x) AS eh, format_string('%02d:%02d', CAST(extract(HOUR FROM y - x) AS INT), CAST(extract(MINUTE FROM y - x) AS INT)) AS hm, CAST(x AS DATE) - CAST(y AS DATE) AS di FROM q ORDER BY k
