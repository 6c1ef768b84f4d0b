WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT a.id, b.id AS bid, a.l = b.l AS eq, a.l <=> b.l AS ns, a.l < b.l AS lt, a.st >= b.st AS ge, a.st != b.st AS ne, equal_null(a.s, b.s) AS en, a.os = b.os AS oe, a.ll IN (b.ll) AS il FROM p a CROSS JOIN p b WHERE a.id <= b.id ORDER BY a.id, b.id
