WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, x.*, y.*, z.* FROM p LATERAL VIEW inline(os) x AS kk, vv LATERAL VIEW stack(2, id, 'one', id * 10, 'ten') y AS num, word LATERAL VIEW OUTER inline_outer(arrays_zip(l, s)) z ORDER BY id, kk NULLS FIRST, num, z.l NULLS FIRST, z.s NULLS FIRST
