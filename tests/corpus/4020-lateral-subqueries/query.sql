WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, l ARRAY<INT>, s ARRAY<STRING>, m MAP<STRING, INT>, st STRUCT<a: INT, b: STRING>, os ARRAY<STRUCT<k: STRING, v: INT>>, ll ARRAY<ARRAY<INT>>, t STRING, d DOUBLE, dt DATE, ts TIMESTAMP, mm MAP<STRING, ARRAY<INT>>') AS d FROM events)
)
SELECT id, u.*, w.mx, c.n FROM p, LATERAL (SELECT explode(l) AS e) u, LATERAL (SELECT max(v) AS mx FROM (SELECT explode(l) AS v)) w JOIN LATERAL (SELECT count(*) AS n FROM explode(s) WHERE col IS NOT NULL) c ORDER BY id, e NULLS FIRST
