-- The totals of job 3, sent to a second topic each minute. The key is a hash of the country, so one country always lands in one
-- partition, in order. The checkpoint remembers how far the query came: started again, it goes on there.

CREATE TABLE sales (
  payment_id INT, customer_id INT, amount FLOAT, payment_date TIMESTAMP, city STRING, district STRING, country STRING
)
USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  subscribe '${sales_topic:-pagila.sales.spark.streaming}',
  startingOffsets 'earliest',
  'value.format' 'json'
);

CREATE TABLE totals USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  topic '${totals_topic:-pagila.sales.spark.streaming.out}'
);

INSERT INTO totals
SELECT CAST(id AS STRING) AS key, to_json(struct(*)) AS value
FROM (
  SELECT sha1(country) AS id, country, format_number(sum(amount), 2) AS sales, count(amount) AS orders
  FROM STREAM sales
  GROUP BY country
  ORDER BY sum(amount) DESC
)
OUTPUT MODE complete TRIGGER ${trigger:-PROCESSING TIME '1 minute'} CHECKPOINT '${checkpoints}/06' QUERY NAME streaming_to_kafka;
