SELECT id % 2 AS odd, transform(collect_list(id), x -> x * 2) AS tr, max(size(l)) AS ms, flatten(collect_list(l)) AS fl FROM p GROUP BY id % 2
