WITH p AS (SELECT CAST(key AS STRING) AS k, from_json(CAST(value AS STRING), 'abc INT, x STRUCT<Abc: INT>') AS d FROM events) SELECT k, d.abc, d.ABC, d.X.abc AS inner_abc, d FROM p ORDER BY k
