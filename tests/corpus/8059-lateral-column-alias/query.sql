WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'a INT, b INT') AS d FROM events)
)
SELECT k, a * 2 AS twice, twice + 1 AS plus1, plus1 * twice AS prod, coalesce(b, twice) AS b2, b2 AS b, b + 1 AS still_column, named_struct('q', prod) AS st, st.q AS q, CASE WHEN twice > 5 THEN 'big' WHEN twice IS NULL THEN 'none' ELSE 'small' END AS sz, upper(sz) AS usz FROM p ORDER BY k
