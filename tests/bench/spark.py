"""One Spark run for the benchmark: a query over a topic, its progress events as JSON lines on standard output."""
import argparse
import json
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

SCHEMA = ("payment_id INT, customer_id INT, amount FLOAT, payment_date TIMESTAMP, city STRING, district STRING, "
          "country STRING")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bootstrap", "topic", "query", "checkpoint", "out", "jars", "regions"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--shuffle-partitions", default="2")
    parser.add_argument("--batch", help="maxOffsetsPerTrigger; with it the run ends when the topic is read")
    parser.add_argument("--seconds", type=int, help="without --batch: run so long, one batch after the other")
    parser.add_argument("--sink", default="noop")
    return parser.parse_args()


def main():
    args = arguments()
    spark = (SparkSession.builder.master("local[2]").appName("bench")
             .config("spark.jars", args.jars)
             .config("spark.driver.memory", "4g")
             .config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC")
             .config("spark.sql.shuffle.partitions", args.shuffle_partitions)
             .config("spark.sql.streaming.numRecentProgressUpdates", "100000")
             .getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    reader = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", args.bootstrap)
              .option("subscribe", args.topic).option("startingOffsets", "earliest"))
    if args.batch:
        reader = reader.option("maxOffsetsPerTrigger", args.batch)
    sales = (reader.load().select(F.from_json(F.col("value").cast("string"), SCHEMA).alias("data")).select("data.*"))
    windows = F.window("payment_date", "10 minutes", "5 minutes")
    totals = (F.sum("amount").alias("sales"), F.count("amount").alias("orders"))
    if args.query == "group":
        result = sales.groupBy("country").agg(*totals)
    elif args.query == "window":
        result = sales.withWatermark("payment_date", "10 minutes").groupBy("country", windows).agg(*totals)
    elif args.query == "join":
        regions = spark.read.csv(args.regions, schema="country STRING, region STRING", header=True).cache()
        joined = sales.withWatermark("payment_date", "10 minutes").join(regions, on="country", how="left")
        result = joined.groupBy("region", windows).agg(*totals)
    else:
        result = sales.select(F.col("payment_id").cast("string").alias("key"),
                              F.to_json(F.struct("country", "amount")).alias("value"))
    writer = result.writeStream.outputMode("append" if args.query == "kafka" else "update")
    writer = writer.option("checkpointLocation", args.checkpoint)
    if args.query == "kafka":
        writer = writer.format("kafka").option("kafka.bootstrap.servers", args.bootstrap).option("topic", args.out)
    else:
        writer = writer.format(args.sink)
    if args.batch:
        query = writer.trigger(availableNow=True).start()
        query.awaitTermination()
    else:
        query = writer.start()
        time.sleep(args.seconds)
        query.stop()
    for progress in query.recentProgress:
        print(json.dumps(progress if isinstance(progress, dict) else json.loads(progress.json)))
    spark.stop()


if __name__ == "__main__":
    main()
