WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, CAST(l AS STRING) AS a, CAST(m AS STRING) AS b, CAST(st AS STRING) AS c, CAST(os AS STRING) AS e, concat_ws('|', s) AS f, array_join(l, ',') AS g, to_json(os) AS h, to_json(m) AS i, to_json(mm) AS k, CAST(struct(d, dt, ts) AS STRING) AS n, CAST(array(d, NULL) AS STRING) AS o, CAST(map(dt, ll) AS STRING) AS q FROM p WHERE dt IS NOT NULL ORDER BY id
