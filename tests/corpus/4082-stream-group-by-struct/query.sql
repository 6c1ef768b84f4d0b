SELECT st, sort_array(collect_list(id)) AS ids, max(l) AS ml, count(*) AS n FROM p GROUP BY st
