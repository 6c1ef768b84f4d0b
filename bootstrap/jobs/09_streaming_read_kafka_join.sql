-- All-time sales by region: the stream joined with the file of regions, without windows.

CREATE TABLE sales (
  payment_id INT, customer_id INT, amount FLOAT, payment_date TIMESTAMP, city STRING, district STRING, country STRING
)
USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  subscribe '${sales_topic:-pagila.sales.spark.streaming}',
  startingOffsets 'earliest',
  'value.format' 'json'
);

CREATE TABLE regions (country STRING, region STRING)
USING csv OPTIONS (path '${data}/sales_regions.csv', sep ',', header true);

CREATE TABLE screen USING console OPTIONS (numRows 24, truncate false);

INSERT INTO screen
SELECT coalesce(region, 'Unassigned') AS region, format_number(sum(amount), 2) AS sales, count(amount) AS orders
FROM STREAM sales
LEFT JOIN regions USING (country)
GROUP BY coalesce(region, 'Unassigned')
ORDER BY sum(amount) DESC
OUTPUT MODE complete TRIGGER ${trigger:-PROCESSING TIME '1 minute'} QUERY NAME streaming_regional_sales;
