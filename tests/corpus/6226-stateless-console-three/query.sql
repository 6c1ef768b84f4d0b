SELECT k, v, array(v, NULL) AS a, map(k, v) AS m, struct(k, CAST(v AS DOUBLE) AS x) AS s, CAST(k AS BINARY) AS b, t FROM events_wm WHERE k IS NOT NULL
