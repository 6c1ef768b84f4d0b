SELECT CAST(key AS STRING) AS k, t.* FROM events LATERAL VIEW json_tuple(CAST(value AS STRING), 'a', 'b', 'a', 'a.b', 'A', '', 'n') t AS a, b, a2, ab, aa, empty, n ORDER BY k
