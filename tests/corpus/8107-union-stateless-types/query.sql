SELECT 'click' AS src, id, x AS amount, NULL AS note FROM clicks UNION ALL SELECT 'buy', id, price, concat('p', price) FROM buys
