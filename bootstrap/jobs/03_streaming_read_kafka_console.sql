-- All-time sales by country, on the console, every minute: the whole result again each time (complete mode), sorted.

CREATE TABLE sales (
  payment_id INT, customer_id INT, amount FLOAT, payment_date TIMESTAMP, city STRING, district STRING, country STRING
)
USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  subscribe '${sales_topic:-pagila.sales.spark.streaming}',
  startingOffsets 'earliest',
  'value.format' 'json'
);

CREATE TABLE screen USING console OPTIONS (numRows 25, truncate false);

INSERT INTO screen
SELECT country, format_number(sum(amount), 2) AS sales, count(amount) AS orders
FROM STREAM sales
GROUP BY country
ORDER BY sum(amount) DESC
OUTPUT MODE complete TRIGGER ${trigger:-PROCESSING TIME '1 minute'} QUERY NAME streaming_to_console;
