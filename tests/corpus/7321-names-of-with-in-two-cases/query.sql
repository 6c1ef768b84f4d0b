WITH k AS (SELECT 1 x), K AS (SELECT x + 1 x FROM k), j AS (SELECT x * 10 AS x FROM K) SELECT k.x, j.x FROM k, j
