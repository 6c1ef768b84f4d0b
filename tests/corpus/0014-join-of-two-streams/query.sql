SELECT l.k, l.v, r.v AS w FROM l JOIN r ON l.k = r.k AND r.t BETWEEN l.t AND l.t + INTERVAL 5 MINUTES
