WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id INT, s STRUCT<a: INT, b: STRING>, l ARRAY<INT>, _corrupt_record STRING', map('columnNameOfCorruptRecord', '_corrupt_record')) AS d FROM events)
)
SELECT k, id, s, l, _corrupt_record, CASE WHEN _corrupt_record IS NOT NULL THEN 'bad' WHEN id IS NULL THEN 'empty' ELSE 'ok' END AS kind FROM p ORDER BY k
