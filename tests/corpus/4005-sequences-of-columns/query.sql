WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, sequence(1, id) AS a, sequence(id, 1, -2 * id) AS b, sequence(dt, date_add(dt, id)) AS c, sequence(dt, add_months(dt, 3), INTERVAL 1 MONTH) AS e, sequence(ts, ts + INTERVAL 3 HOURS, INTERVAL 1 HOUR) AS f, sequence(date_trunc('DAY', ts), ts, INTERVAL 6 HOURS) AS g FROM p WHERE id <> 2 ORDER BY id
