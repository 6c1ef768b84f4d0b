-- Fills a new topic with the 250 seed sales: a file is read once and every row becomes one Kafka record.

CREATE TABLE seed (
  payment_id INT, customer_id INT, amount FLOAT, payment_date STRING, city STRING, district STRING, country STRING
)
USING csv OPTIONS (path '${data}/sales_seed.csv', sep '|', header true);

CREATE TABLE sales USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  topic '${sales_topic:-pagila.sales.spark.streaming}'
);

-- The key is the payment's id, the value all columns as one JSON object. The file's dates are of 2021; the topic is to look as if the
-- sales had just been made, so each gets a second of its own, the last one now: epoch seconds, which is how JSON can carry a timestamp.
INSERT INTO sales
SELECT CAST(payment_id AS STRING) AS key, to_json(struct(*)) AS value
FROM (
  SELECT
    payment_id,
    customer_id,
    amount,
    CAST(unix_timestamp() - count(*) OVER () + row_number() OVER (ORDER BY payment_id) AS INT) AS payment_date,
    city,
    district,
    country
  FROM seed
);
