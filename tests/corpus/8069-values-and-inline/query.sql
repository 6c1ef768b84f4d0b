/* leading comment */ SELECT /*+ BROADCAST(v) */ v.id, v.amt, typeof(v.amt) AS t, r.id AS rid, v.nm -- trailing
  , s.col1, s.col2
FROM VALUES (1, 1, 'a'), (2, 2.5, NULL), (3, NULL, 'c') AS v(id, amt, nm)
LEFT JOIN range(2, 6, 2) r ON r.id = v.id
CROSS JOIN (VALUES (10, 'x'), (20, 'y')) AS s
WHERE s.col1 > 5 AND /* inner /* nested */ comment */ v.id < 10
ORDER BY v.id, s.col1
