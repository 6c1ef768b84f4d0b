WITH p AS (
  SELECT CAST(key AS STRING) AS k, CAST(value AS STRING) AS v, from_json(CAST(value AS STRING), '`first name` STRING, `a.b` INT, `x-y` INT, `日本` STRING, `1st` INT, `sel``ect` INT, `from` STRING, _id STRING, `$t` INT') AS d FROM events
)
SELECT k, d.`first name`, d.`a.b`, d.`x-y` + 1 AS xy1, d.`日本`, d.`1st`, d.`sel``ect`, d.`from`, d._id, d.`$t`, get_json_object(v, '$.a.b') AS g1, get_json_object(v, "$['a.b']") AS g2, get_json_object(v, '$.first name') AS g3, get_json_object(v, '$.x-y') AS g4, get_json_object(v, '$.日本') AS g5, get_json_object(v, '$._id') AS g6, to_json(d) AS j FROM p ORDER BY k
