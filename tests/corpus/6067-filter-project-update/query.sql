SELECT k, v, t, v * 2 AS w, k || '!' AS kk FROM events_wm WHERE v > 1 OR k = 'b'
