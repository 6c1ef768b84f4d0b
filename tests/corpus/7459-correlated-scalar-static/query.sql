SELECT k, v, (SELECT max(r.pop) FROM regions r WHERE r.country = e.k) AS mp, (SELECT count(*) FROM regions r WHERE r.country = e.k) AS cnt FROM events_wm e
