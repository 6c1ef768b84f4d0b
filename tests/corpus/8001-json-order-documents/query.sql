WITH p AS (
  SELECT CAST(key AS STRING) AS k, d.* FROM (SELECT key, from_json(CAST(value AS STRING), 'id INT, cust STRUCT<name: STRING, addr: STRUCT<city: STRING, zip: STRING>>, lines ARRAY<STRUCT<sku: STRING, qty: INT, price: DECIMAL(10,2)>>') AS d FROM events)
)
SELECT k, id, cust.name AS name, cust.addr.city AS city, cust.addr.zip AS zip, size(lines) AS n, lines.sku AS skus, lines[0].price AS p0,
 aggregate(lines, CAST(0 AS DECIMAL(20,2)), (a, l) -> CAST(a + coalesce(l.qty * l.price, 0) AS DECIMAL(20,2))) AS total, exists(lines, l -> l.qty > 1) AS bulk FROM p ORDER BY k
