SELECT offset, t.c0, t.c1, t.c2, t.c3, CAST(t.c0 AS DOUBLE) AS n, coalesce(t.c1, 'none') AS c FROM events LATERAL VIEW json_tuple(CAST(value AS STRING), 'a', 'b', 'c', 'a.b') t ORDER BY offset
