SELECT count(*), sum(x), max(x), collect_list(x) FROM (SELECT 1 AS x WHERE false)
