WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), '`Mixed Case` INT, `a.b` INT, camelCase INT, `select` STRING, s STRUCT<`In.ner`: INT, Up: INT>') AS d FROM events)
)
SELECT `mixed case`, P.`a.b`, CAMELCASE, p.camelcase AS `new name`, `SELECT`, s.`in.ner`, S.UP AS up, camelCase + 1 AS nxt, nxt * 2 AS twice, t.q, `Mixed Case` AS `123` FROM p JOIN (SELECT 3, 'three' UNION ALL SELECT 30, 'thirty') AS t(camel, q) ON t.camel = p.CamelCase ORDER BY `A.B`
