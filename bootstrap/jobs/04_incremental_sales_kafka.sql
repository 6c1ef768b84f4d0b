-- Plays 1,800 more sales into the topic, two a second (15 minutes), for the streaming jobs to watch. The published script sends the
-- first message and then fails on what its own write call returned; this one sends all.

CREATE TABLE incremental (
  payment_id INT, customer_id INT, amount FLOAT, payment_date STRING, city STRING, district STRING, country STRING
)
USING csv OPTIONS (path '${data}/sales_incremental_large.csv', sep '|', header true);

CREATE TABLE sales USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  topic '${sales_topic:-pagila.sales.spark.streaming}',
  rowsPerSecond ${rows_per_second:-2}
);

-- The payment's date is the time of this run, as ISO text: the second way in which JSON carries a timestamp.
INSERT INTO sales
SELECT CAST(payment_id AS STRING) AS key, to_json(struct(*)) AS value
FROM (
  SELECT payment_id, customer_id, amount, current_timestamp() AS payment_date, city, district, country
  FROM incremental
);
