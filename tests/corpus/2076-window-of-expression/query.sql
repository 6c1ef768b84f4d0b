WITH p AS (
  SELECT d.* FROM (SELECT from_json(CAST(value AS STRING), 'id INT, ts STRING, sec BIGINT') AS d FROM events)
)
SELECT 'cast' AS u, window.start AS s, count(*) AS n, min(id) AS i FROM p GROUP BY window(CAST(ts AS TIMESTAMP), '1 hour') UNION ALL SELECT 'shift', window.start, count(*), min(id) FROM p GROUP BY window(CAST(ts AS TIMESTAMP) + INTERVAL '30' MINUTE, '1 hour') UNION ALL SELECT 'epoch', window.start, count(*), min(id) FROM p GROUP BY window(timestamp_seconds(sec), '2 days') UNION ALL SELECT 'hour', make_timestamp(2000, 1, 1, hour(window.start), 0, 0), sum(1), max(id) FROM p GROUP BY window(CAST(ts AS TIMESTAMP), '15 minutes') UNION ALL SELECT 'kafka', window.start, count(*), count(key) FROM events GROUP BY window(timestamp, '2 seconds') ORDER BY u, s, i
