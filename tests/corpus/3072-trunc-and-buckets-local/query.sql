WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 't TIMESTAMP') AS d FROM events)
)
SELECT k, t, date_trunc('MILLENNIUM', t) AS ml, date_trunc('CENTURY', t) AS ce, date_trunc('DECADE', t) AS de, date_trunc('yyyy', t) AS y, date_trunc('quarter', t) AS q, date_trunc('Mon', t) AS mo, date_trunc('WEEK', t) AS w, date_trunc('DD', t) AS d, date_trunc('HOUR', t) AS h, date_trunc('minute', t) AS mi, date_trunc('SECOND', t) AS s, date_trunc('MILLISECOND', t) AS ms, date_trunc('FORTNIGHT', t) AS bad, trunc(t, 'year') AS ty, trunc(t, 'mm') AS tm, trunc(t, 'hour') AS th FROM p ORDER BY k
