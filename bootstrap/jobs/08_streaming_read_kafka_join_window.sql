-- Sales by region in the windows of job 5. The regions are a small file, read once and joined to every sale as it arrives; a country
-- the file does not have counts as unassigned. The published script selects a column window_start that is not there.

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

-- 24 rows: eight regions, three windows.
CREATE TABLE screen USING console OPTIONS (numRows 24, truncate false);

INSERT INTO screen
SELECT
  coalesce(region, 'Unassigned') AS region,
  format_number(sum(amount), 2) AS sales,
  count(amount) AS orders,
  window.start,
  window.end
FROM STREAM sales WATERMARK timestamp DELAY OF INTERVAL 10 MINUTES
LEFT JOIN regions USING (country)
GROUP BY coalesce(region, 'Unassigned'), window(timestamp, '10 minutes', '5 minutes')
ORDER BY window.start DESC, sum(amount) DESC
OUTPUT MODE complete TRIGGER ${trigger:-PROCESSING TIME '1 minute'} QUERY NAME streaming_regional_sales;
