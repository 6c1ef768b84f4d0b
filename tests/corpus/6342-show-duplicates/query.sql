SELECT 1 AS a, 2 AS a, 3 AS A, x.*, y.* FROM (SELECT 1 AS k, 2 AS v) x JOIN (SELECT 1 AS k, 3 AS v) y ON x.k = y.k
