-- Sales by country in windows of ten minutes that begin every five: each sale counts in two of them.
-- Event time is the Kafka record's own timestamp. In complete mode nothing is ever dropped or evicted, watermark or not.

CREATE TABLE sales (
  payment_id INT, customer_id INT, amount FLOAT, payment_date TIMESTAMP, city STRING, district STRING, country STRING
)
USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  subscribe '${sales_topic:-pagila.sales.spark.streaming}',
  startingOffsets 'earliest',
  'value.format' 'json'
);

CREATE TABLE screen USING console OPTIONS (numRows 100, truncate false);

INSERT INTO screen
SELECT country, format_number(sum(amount), 2) AS sales, count(amount) AS orders, window.start, window.end
FROM STREAM sales WATERMARK timestamp DELAY OF INTERVAL 10 MINUTES
GROUP BY country, window(timestamp, '10 minutes', '5 minutes')
ORDER BY window.start DESC, sum(amount) DESC
OUTPUT MODE complete TRIGGER ${trigger:-PROCESSING TIME '1 minute'} QUERY NAME streaming_to_console;
