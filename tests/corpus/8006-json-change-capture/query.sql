WITH c AS (
  SELECT offset, get_json_object(CAST(key AS STRING), '$.id') AS kid, from_json(CAST(value AS STRING), 'op STRING, ts_ms BIGINT, before STRUCT<id: INT, name: STRING>, after STRUCT<id: INT, name: STRING>') AS d FROM events
), r AS (
  SELECT offset, kid, d IS NULL AS tomb, d.op, timestamp_millis(d.ts_ms) AS ts, coalesce(d.after, d.before) AS img, d.after IS NULL AS gone, d.before.name <> d.after.name AS renamed FROM c
)
SELECT *, row_number() OVER (PARTITION BY kid ORDER BY offset DESC) AS rn FROM r ORDER BY offset
