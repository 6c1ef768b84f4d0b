SELECT id, pos, x, k FROM p LATERAL VIEW OUTER posexplode(l) e AS pos, x LATERAL VIEW OUTER explode(map_keys(m)) f AS k
