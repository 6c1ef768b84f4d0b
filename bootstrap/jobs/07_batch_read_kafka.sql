-- Reads what job 6 wrote: many states of each country's total. The newest record of a country is the one that counts.
-- The published table takes the maximum of the text instead, where '9.99' beats '1,379.05' and a thousands separator ends the number.

CREATE TABLE totals (country STRING, sales STRING, orders INT)
USING kafka OPTIONS (
  'kafka.bootstrap.servers' '${bootstrap_servers}',
  subscribe '${totals_topic:-pagila.sales.spark.streaming.out}',
  startingOffsets 'earliest',
  endingOffsets 'latest',
  'value.format' 'json'
);

CREATE TABLE screen USING console OPTIONS (numRows 25, truncate false);

INSERT INTO screen
SELECT country, sales, orders
FROM (
  SELECT country, sales, orders, row_number() OVER (PARTITION BY country ORDER BY timestamp DESC, offset DESC) AS row
  FROM totals
)
WHERE row = 1
ORDER BY CAST(regexp_replace(sales, ',', '') AS DOUBLE) DESC, country;
