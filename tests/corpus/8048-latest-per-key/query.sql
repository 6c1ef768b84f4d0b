WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id INT, ver INT, st STRING') AS d FROM events)
), rn AS (SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY ver DESC) AS r FROM p) WHERE r = 1), ms AS (SELECT id, max(struct(ver, st)) AS m, max_by(st, ver) AS mb, min_by(st, ver) AS fb FROM p GROUP BY id), ne AS (SELECT id, st FROM p a WHERE NOT EXISTS (SELECT 1 FROM p b WHERE b.id = a.id AND b.ver > a.ver))
SELECT rn.id, rn.ver, rn.st, m.ver AS mver, m.st AS mst, mb, fb, (SELECT count(*) FROM ne WHERE ne.id = rn.id) AS cnt, (SELECT max(st) FROM ne WHERE ne.id = rn.id) AS nst, concat(fb, '>', rn.st) AS path FROM rn JOIN ms ON rn.id <=> ms.id ORDER BY rn.id NULLS LAST
