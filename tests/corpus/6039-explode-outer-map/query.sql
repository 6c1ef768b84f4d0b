SELECT id, key, value, p, c FROM events_wm LATERAL VIEW OUTER explode(m) y LATERAL VIEW OUTER posexplode(l) z AS p, c
