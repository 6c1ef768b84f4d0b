//! Where the sources of a query stand. Reads no records.

use std::time::{Duration, Instant};

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::offset::{PartitionOffsets, TopicPartition};
use millstream_common::options::OptionError;
use millstream_common::time::{Clock, SystemClock};
use millstream_driver_core::batch::Listing;
use millstream_driver_core::offsets::{Bound, Facts, Mode, Position, ending, resolve, starting};
use millstream_driver_core::tasks::Failure;
use millstream_kafka::{Admin, KafkaConfig, KafkaError, Role};
use millstream_plan::spec::{KafkaSource, RateSource, SourceSpec};
use tokio::sync::Mutex;

use crate::error::chain;

/// How long a list of partitions is believed: new ones are seen this much later, and a batch costs one question less.
const PARTITIONS_AGE: Duration = Duration::from_millis(500);

/// What can be asked of one scanned source.
pub enum SourceFacts {
    /// Topics of a Kafka cluster.
    Kafka(Box<KafkaFacts>),
    /// Generated rows.
    Rate(RateFacts),
}

/// A source of generated rows: row n exists from n / rowsPerSecond after its start.
pub struct RateFacts {
    source: RateSource,
    /// Epoch milliseconds.
    start_ms: i64,
}

/// A Kafka source and the client that asks about it.
pub struct KafkaFacts {
    source: KafkaSource,
    admin: Admin,
    start: Position,
    end: Position,
    known: Mutex<Option<(Instant, Vec<TopicPartition>)>>,
}

fn external(error: &KafkaError) -> Failure {
    Failure::new(error.class(), chain(error))
}

fn wrong(error: &OptionError) -> Failure {
    Failure::new(FailureClass::User, error.to_string())
}

impl SourceFacts {
    /// Prepares to ask about a source; nothing is contacted.
    ///
    /// # Errors
    /// Options that cannot be used. A static table is none of these sources.
    pub fn open(spec: &SourceSpec, mode: Mode) -> Result<Self, Failure> {
        match spec {
            SourceSpec::Kafka(source) => {
                let config =
                    KafkaConfig::from_options(&source.options, Role::Admin).map_err(|error| external(&error))?;
                Ok(Self::Kafka(Box::new(KafkaFacts {
                    admin: Admin::open(&config).map_err(|error| external(&error))?,
                    start: starting(&source.options, mode).map_err(|error| wrong(&error))?,
                    end: ending(&source.options).map_err(|error| wrong(&error))?,
                    source: source.clone(),
                    known: Mutex::new(None),
                })))
            }
            SourceSpec::Rate(rate) => Ok(Self::Rate(RateFacts {
                source: rate.clone(),
                start_ms: SystemClock::new().now_ms(),
            })),
            SourceSpec::Files(_) => Err(Failure::new(
                FailureClass::Internal,
                "a static table was taken for a stream",
            )),
        }
    }

    /// When a generated source started, so that a restart goes on from there; none for other sources. Epoch milliseconds.
    pub fn start_ms_mut(&mut self) -> Option<&mut i64> {
        match self {
            Self::Kafka(_) => None,
            Self::Rate(rate) => Some(&mut rate.start_ms),
        }
    }

    /// Where the source begins.
    ///
    /// # Errors
    /// A broker that does not answer, a position that does not fit.
    pub async fn begin(&self) -> Result<PartitionOffsets, Failure> {
        match self {
            Self::Kafka(kafka) => kafka.position(&kafka.start, Bound::Start).await,
            Self::Rate(rate) => Ok(rate.reached(rate.start_ms)),
        }
    }

    /// Where a batch query's reading of the source ends.
    ///
    /// # Errors
    /// A broker that does not answer, a position that does not fit.
    pub async fn end(&self) -> Result<PartitionOffsets, Failure> {
        match self {
            Self::Kafka(kafka) => kafka.position(&kafka.end, Bound::End).await,
            Self::Rate(rate) => Ok(rate.reached(SystemClock::new().now_ms())),
        }
    }

    /// How far the source reaches now, and where partitions begin that are not in `position`.
    ///
    /// # Errors
    /// A broker that does not answer.
    pub async fn list(&self, position: &PartitionOffsets) -> Result<Listing, Failure> {
        match self {
            Self::Kafka(kafka) => kafka.list(position).await,
            Self::Rate(rate) => Ok(Listing {
                latest: rate.reached(SystemClock::new().now_ms()),
                earliest_of_new: PartitionOffsets::default(),
            }),
        }
    }

    /// How progress names the source.
    #[must_use]
    pub fn description(&self) -> String {
        use millstream_plan::spec::Subscription;
        match self {
            Self::Kafka(kafka) => match &kafka.source.subscription {
                Subscription::Topics(topics) => format!("KafkaV2[Subscribe[{}]]", topics.join(", ")),
                Subscription::Pattern(pattern) => format!("KafkaV2[SubscribePattern[{pattern}]]"),
                Subscription::Assign(partitions) => {
                    let names: Vec<String> = partitions
                        .iter()
                        .flat_map(|(topic, numbers)| numbers.iter().map(move |number| format!("{topic}-{number}")))
                        .collect();
                    format!("KafkaV2[Assign[{}]]", names.join(", "))
                }
            },
            Self::Rate(rate) => format!(
                "RateStreamV2[rowsPerSecond={}, rampUpTimeSeconds=0, numPartitions={}]",
                rate.source.rows_per_second, rate.source.partitions
            ),
        }
    }
}

impl RateFacts {
    /// The position behind the rows of all whole seconds since the start.
    fn reached(&self, now_ms: i64) -> PartitionOffsets {
        let per_second = i64::try_from(self.source.rows_per_second).unwrap_or(i64::MAX);
        let seconds = (now_ms - self.start_ms).max(0) / 1000;
        let rows = seconds.saturating_mul(per_second);
        [(TopicPartition::new("rate", 0), rows)].into_iter().collect()
    }
}

impl KafkaFacts {
    async fn partitions(&self, fresh: bool) -> Result<Vec<TopicPartition>, Failure> {
        let mut known = self.known.lock().await;
        if let Some((when, partitions)) = known.as_ref()
            && !fresh
            && when.elapsed() < PARTITIONS_AGE
        {
            return Ok(partitions.clone());
        }
        let partitions = self
            .admin
            .partitions(&self.source.subscription)
            .await
            .map_err(|error| external(&error))?;
        *known = Some((Instant::now(), partitions.clone()));
        Ok(partitions)
    }

    async fn list(&self, position: &PartitionOffsets) -> Result<Listing, Failure> {
        let partitions = self.partitions(false).await?;
        let new: Vec<TopicPartition> = partitions
            .iter()
            .filter(|partition| position.get(partition).is_none())
            .cloned()
            .collect();
        let latest = self.admin.latest(&partitions).await.map_err(|error| external(&error))?;
        let earliest_of_new = if new.is_empty() {
            PartitionOffsets::default()
        } else {
            self.admin.earliest(&new).await.map_err(|error| external(&error))?
        };
        Ok(Listing {
            latest,
            earliest_of_new,
        })
    }

    async fn position(&self, position: &Position, bound: Bound) -> Result<PartitionOffsets, Failure> {
        let partitions = self.partitions(false).await?;
        let times = position.times(&partitions);
        let facts = Facts {
            earliest: self
                .admin
                .earliest(&partitions)
                .await
                .map_err(|error| external(&error))?,
            latest: self.admin.latest(&partitions).await.map_err(|error| external(&error))?,
            by_time: if times.is_empty() {
                Vec::new()
            } else {
                self.admin
                    .offsets_for_times(&times)
                    .await
                    .map_err(|error| external(&error))?
            },
        };
        resolve(position, bound, &partitions, &facts)
            .map_err(|error| Failure::new(FailureClass::User, error.to_string()))
    }
}
