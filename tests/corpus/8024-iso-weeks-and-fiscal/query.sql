WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'd DATE') AS d FROM events)
)
SELECT d, concat(extract(YEAROFWEEK FROM d), '-W', lpad(weekofyear(d), 2, '0')) AS wk, date_sub(d, weekday(d)) AS mon, next_day(d, 'SU') AS ns, next_day(d, 'monday') AS nm, last_day(d) AS ld, trunc(d, 'Q') AS q0, date_add(add_months(trunc(d, 'QUARTER'), 3), -1) AS q1, concat('FY', year(add_months(d, 6)), 'Q', quarter(add_months(d, 6))) AS fy, date_format(d, 'EEEE, d MMM yyyy') AS nm2, date_format(d, 'D') AS doy, date_format(d, 'E') AS e, dayofweek(d) AS dw, extract(DOW_ISO FROM d) AS di, extract(DOY FROM d) AS dy, trunc(d, 'WEEK') AS tw, date_trunc('DECADE', d) IS NULL AS dec_null, unix_date(d) AS ud FROM p ORDER BY d
