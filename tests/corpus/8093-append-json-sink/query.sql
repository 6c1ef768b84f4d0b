SELECT coalesce(k, 'none') AS key, to_json(struct(t, k, v, v * 2 AS dbl, CASE WHEN v > 0 THEN 'up' ELSE 'down' END AS dir)) AS value, t IS NULL AS bad FROM events_wm WHERE v IS NULL OR abs(v) > 0
