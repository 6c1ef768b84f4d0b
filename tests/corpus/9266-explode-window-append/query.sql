SELECT window.start AS s, item.sku AS sku, sum(item.q) AS q, count(*) AS n FROM (SELECT t, explode(items) AS item FROM events_wm) GROUP BY window(t, '10 minutes'), item.sku
