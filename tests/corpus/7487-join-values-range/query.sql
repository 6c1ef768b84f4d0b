SELECT e.k, x.lbl, r.id, e.v * r.id AS p FROM events_wm e JOIN VALUES ('a', 'A'), ('b', 'B'), (NULL, 'N') AS x(k, lbl) ON e.k <=> x.k CROSS JOIN range(2, 8, 3) r
