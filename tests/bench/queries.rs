//! The queries, once as job files and once as what the Spark script is told.

use anyhow::{Context as _, Result};

/// The topic all engines read.
pub const TOPIC: &str = "bench.sales";
/// The topic that is fed at a steady pace.
pub const TRICKLE_TOPIC: &str = "bench.trickle";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// Sum and count by country.
    Group,
    /// The same in windows of ten minutes every five, with a watermark.
    Window,
    /// By region, after a join with a file, in the same windows.
    Join,
    /// Two columns of every record back to Kafka as JSON.
    Kafka,
}

impl Query {
    /// Every query, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Group, Self::Window, Self::Join, Self::Kafka];

    /// The query of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|query| query.name() == name);
        found.with_context(|| format!("no query '{name}': group, window, join, kafka"))
    }

    /// Its name on command lines and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Window => "window",
            Self::Join => "join",
            Self::Kafka => "kafka",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Group => "group by country",
            Self::Window => "sliding window",
            Self::Join => "static join and window",
            Self::Kafka => "JSON to Kafka",
        }
    }

    /// The job file. `trigger` and `checkpoint` as the language has them; `out` is the topic written to.
    pub fn sql(
        self,
        servers: &str,
        topic: &str,
        batch: Option<u64>,
        trigger: &str,
        checkpoint: &str,
        out: &str,
    ) -> String {
        let limit = batch
            .map(|batch| format!(",\n  maxOffsetsPerTrigger {batch}"))
            .unwrap_or_default();
        let regions = xtask::workspace::root().join("bootstrap/jobs/data/sales_regions.csv");
        let tables = format!(
            "CREATE TABLE sales (payment_id INT, customer_id INT, amount FLOAT, payment_date TIMESTAMP, city STRING, district STRING, country STRING)
USING kafka OPTIONS (
  'kafka.bootstrap.servers' '{servers}', subscribe '{topic}', startingOffsets 'earliest', 'value.format' 'json'{limit}
);
CREATE TABLE regions (country STRING, region STRING) USING csv OPTIONS (path '{}', header true);
CREATE TABLE nothing USING noop;
CREATE TABLE out USING kafka OPTIONS ('kafka.bootstrap.servers' '{servers}', topic '{out}');
",
            regions.display()
        );
        let windows = "window(payment_date, '10 minutes', '5 minutes')";
        let watermark = "WATERMARK payment_date DELAY OF INTERVAL 10 MINUTES";
        let select = match self {
            Self::Group => {
                "INSERT INTO nothing SELECT country, sum(amount) AS sales, count(amount) AS orders FROM STREAM sales GROUP BY country"
                    .to_owned()
            }
            Self::Window => format!(
                "INSERT INTO nothing SELECT country, {windows} AS window, sum(amount) AS sales, count(amount) AS orders
FROM STREAM sales {watermark} GROUP BY country, {windows}"
            ),
            Self::Join => format!(
                "INSERT INTO nothing SELECT region, {windows} AS window, sum(amount) AS sales, count(amount) AS orders
FROM STREAM sales {watermark} LEFT JOIN regions USING (country) GROUP BY region, {windows}"
            ),
            Self::Kafka => {
                "INSERT INTO out SELECT CAST(payment_id AS STRING) AS key, to_json(struct(country, amount)) AS value FROM STREAM sales"
                    .to_owned()
            }
        };
        let mode = if self == Self::Kafka { "append" } else { "update" };
        format!("{tables}{select}\nOUTPUT MODE {mode} TRIGGER {trigger} CHECKPOINT '{checkpoint}';\n")
    }
}
