WITH e AS (SELECT offset, from_json(CAST(value AS STRING), 'ARRAY<STRUCT<t: STRING, v: INT>>') AS l FROM events)
SELECT offset, size(l) AS n, pos, x.t, x.v, count(*) OVER (PARTITION BY offset) AS c FROM e LATERAL VIEW OUTER posexplode(l) z AS pos, x ORDER BY offset, pos
