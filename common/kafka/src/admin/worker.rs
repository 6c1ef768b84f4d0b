//! The admin client's blocking half: one thread, one consumer that never reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_common::domain::offset::TopicPartition;
use millstream_common::domain::subscription::Subscription;
use millstream_common::options::nearest;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::TopicSpec;
use crate::config::{KafkaConfig, Patience};
use crate::context::{Context, Health, ProblemKind};
use crate::error::KafkaError;
use crate::native;
use crate::poller::Poller;

/// Topics that Kafka keeps for itself.
const INTERNAL: &[&str] = &[
    "__consumer_offsets",
    "__transaction_state",
    "__share_group_state",
    "__cluster_metadata",
];
/// How often a shrunken answer has to be repeated before it is believed.
const AGREEING_ANSWERS: u32 = 3;

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Start,
    End,
    /// Milliseconds since the epoch.
    Time(i64),
}

/// How one attempt failed.
enum Failed {
    /// Another attempt may do better.
    Again(ClientError),
    /// It will not.
    Final(KafkaError),
}

pub(super) struct Worker {
    config: KafkaConfig,
    client: Arc<BaseConsumer<Context>>,
    _poller: Poller,
    health: Arc<Health>,
    patience: Patience,
    /// The last answer per subscription.
    known: BTreeMap<String, BTreeSet<TopicPartition>>,
}

impl Worker {
    pub(super) fn open(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let health = Arc::new(Health::default());
        let client: Arc<BaseConsumer<Context>> = Arc::new(config.create(&health)?);
        let poller = Poller::start(&client).map_err(|error| config.client_error(error.to_string()))?;
        Ok(Self {
            config: config.clone(),
            client,
            _poller: poller,
            health,
            patience: config.patience(),
            known: BTreeMap::new(),
        })
    }

    pub(super) fn partitions(&mut self, subscription: &Subscription) -> Result<Vec<TopicPartition>, KafkaError> {
        let key = format!("{subscription:?}");
        let mut answer = self.list(subscription)?;
        if !self.known.contains_key(&key) {
            self.check_assigned(subscription, &answer)?;
        }
        let known = self.known.get(&key).cloned().unwrap_or_default();
        let mut agreeing = 1;
        let mut asked = 1;
        // Bounded: an answer that keeps changing is taken as it is in the end, the caller compares it with what it knows.
        while !known.is_subset(&answer) && agreeing < AGREEING_ANSWERS && asked < 3 * AGREEING_ANSWERS {
            std::thread::sleep(self.patience.pause);
            let again = self.list(subscription)?;
            asked += 1;
            agreeing = if again == answer { agreeing + 1 } else { 1 };
            answer = again;
        }
        self.known.insert(key, answer.clone());
        Ok(answer.into_iter().collect())
    }

    fn list(&self, subscription: &Subscription) -> Result<BTreeSet<TopicPartition>, KafkaError> {
        let mut found = BTreeSet::new();
        match subscription {
            Subscription::Topics(topics) => {
                for topic in topics {
                    let partitions = self.partitions_of(topic)?;
                    found.extend(partitions.into_iter().map(|p| TopicPartition::new(topic.clone(), p)));
                }
            }
            Subscription::Assign(assigned) => {
                for (topic, wanted) in assigned {
                    let existing = self.partitions_of(topic)?;
                    for partition in wanted {
                        if existing.contains(partition) {
                            found.insert(TopicPartition::new(topic.clone(), *partition));
                        }
                    }
                }
            }
            Subscription::Pattern(pattern) => {
                let pattern = fancy_regex::Regex::new(pattern).map_err(|error| KafkaError::Pattern {
                    source: Box::new(error),
                })?;
                for (topic, partitions) in self.all_topics("list the topics")? {
                    if INTERNAL.contains(&topic.as_str()) {
                        continue;
                    }
                    let matches = pattern.is_match(&topic).map_err(|error| KafkaError::Pattern {
                        source: Box::new(error),
                    })?;
                    if matches {
                        found.extend(partitions.into_iter().map(|p| TopicPartition::new(topic.clone(), p)));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Partitions that are assigned have to be there at first; whether one that goes away later is a loss is for the caller to say.
    fn check_assigned(&self, subscription: &Subscription, found: &BTreeSet<TopicPartition>) -> Result<(), KafkaError> {
        let Subscription::Assign(assigned) = subscription else {
            return Ok(());
        };
        let wanted = assigned
            .iter()
            .flat_map(|(topic, partitions)| partitions.iter().map(|p| TopicPartition::new(topic.clone(), *p)));
        let missing: Vec<String> = wanted.filter(|p| !found.contains(p)).map(|p| p.to_string()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(KafkaError::MissingPartitions {
            partitions: missing.join(", "),
            servers: self.config.bootstrap_servers().to_owned(),
        })
    }

    /// The partitions of a topic that has to exist.
    fn partitions_of(&self, topic: &str) -> Result<BTreeSet<i32>, KafkaError> {
        let action = format!("list the partitions of topic '{topic}'");
        let outcome = self.attempts(&action, |timeout| {
            let metadata = self
                .client
                .fetch_metadata(Some(topic), timeout)
                .map_err(Failed::Again)?;
            let Some(found) = metadata.topics().iter().find(|t| t.name() == topic) else {
                return Err(Failed::Again(ClientError::MetadataFetch(
                    RDKafkaErrorCode::UnknownTopic,
                )));
            };
            if let Some(code) = found.error() {
                return Err(self.sort(&action, ClientError::MetadataFetch(code.into())));
            }
            let partitions: BTreeSet<i32> = found.partitions().iter().map(|p| p.id()).collect();
            if partitions.is_empty() {
                return Err(Failed::Again(ClientError::MetadataFetch(
                    RDKafkaErrorCode::LeaderNotAvailable,
                )));
            }
            Ok(partitions)
        });
        match outcome {
            Err(Exhausted::Code(code)) if is_missing(code) => Err(self.missing(topic)),
            Err(exhausted) => Err(self.explain(&action, exhausted)),
            Ok(partitions) => Ok(partitions),
        }
    }

    /// The error that a topic does not exist, with the names that come close.
    fn missing(&self, topic: &str) -> KafkaError {
        let names: Vec<String> = self
            .client
            .fetch_metadata(None, self.patience.attempt)
            .map(|metadata| metadata.topics().iter().map(|t| t.name().to_owned()).collect())
            .unwrap_or_default();
        let mut candidates: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|n| !INTERNAL.contains(n))
            .collect();
        let mut near = Vec::new();
        while near.len() < 3
            && let Some(name) = nearest(topic, &candidates)
        {
            near.push(name.to_owned());
            candidates.retain(|candidate| *candidate != name);
        }
        KafkaError::MissingTopic {
            topic: topic.to_owned(),
            servers: self.config.bootstrap_servers().to_owned(),
            near,
        }
    }

    fn all_topics(&self, action: &str) -> Result<Vec<(String, BTreeSet<i32>)>, KafkaError> {
        self.attempts(action, |timeout| {
            let metadata = self.client.fetch_metadata(None, timeout).map_err(Failed::Again)?;
            Ok(metadata
                .topics()
                .iter()
                .filter(|topic| topic.error().is_none())
                .map(|topic| {
                    (
                        topic.name().to_owned(),
                        topic.partitions().iter().map(|p| p.id()).collect(),
                    )
                })
                .collect())
        })
        .map_err(|exhausted| self.explain(action, exhausted))
    }

    /// The offsets asked for, in the order of `at`; none where no record is late enough.
    pub(super) fn offsets(
        &self,
        action: &str,
        at: &[(TopicPartition, At)],
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, KafkaError> {
        if at.is_empty() {
            return Ok(Vec::new());
        }
        let action = &format!("{action} of {}", some_of(at));
        self.attempts(action, |timeout| {
            let mut asked = TopicPartitionList::with_capacity(at.len());
            for (partition, at) in at {
                let at = match at {
                    At::Start => Offset::Beginning,
                    At::End => Offset::End,
                    At::Time(ms) => Offset::Offset(*ms),
                };
                asked
                    .add_partition_offset(&partition.topic, partition.partition, at)
                    .map_err(|error| self.sort(action, error))?;
            }
            // One request per broker; the ends of a log are look-ups with a special time.
            let answer = self
                .client
                .offsets_for_times(asked, timeout)
                .map_err(|e| self.sort(action, e))?;
            let mut found = Vec::with_capacity(at.len());
            for (partition, _) in at {
                let element = answer
                    .find_partition(&partition.topic, partition.partition)
                    .ok_or(Failed::Again(ClientError::OffsetFetch(
                        RDKafkaErrorCode::UnknownPartition,
                    )))?;
                element.error().map_err(|error| self.sort(action, error))?;
                let offset = match element.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                };
                found.push((partition.clone(), offset));
            }
            Ok(found)
        })
        .map_err(|exhausted| self.explain(action, exhausted))
    }

    pub(super) fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), KafkaError> {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let action = format!("create topic(s) {}", names.join(", "));
        let client: AdminClient<Context> = self.config.create(&self.health)?;
        if self.config.tokens()?.is_some() {
            // The admin client never asks for a token by itself.
            client
                .inner()
                .context()
                .generate_oauth_token(None)
                .map_err(|error| error.to_string())
                .and_then(|token| native::set_token(client.inner(), token))
                .map_err(|reason| self.refused(&action, reason, true))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| self.config.client_error(error.to_string()))?;
        let new: Vec<NewTopic<'_>> = topics.iter().map(new_topic).collect();
        let timeout = self.patience.total();
        let options = AdminOptions::new()
            .request_timeout(Some(timeout))
            .operation_timeout(Some(timeout));
        let started = Instant::now();
        let results = runtime
            .block_on(client.create_topics(&new, &options))
            .map_err(|error| self.explain(&action, Exhausted::of(error, started.elapsed())))?;
        for result in results {
            if let Err((name, code)) = result
                && code != RDKafkaErrorCode::TopicAlreadyExists
            {
                return Err(self.refused(&format!("create topic '{name}'"), code.to_string(), false));
            }
        }
        // Created is not yet known to every broker.
        names
            .into_iter()
            .try_for_each(|name| self.partitions_of(name).map(drop))
    }

    /// Repeats `attempt` as often as options allow.
    fn attempts<T>(&self, action: &str, attempt: impl Fn(Duration) -> Result<T, Failed>) -> Result<T, Exhausted> {
        let started = Instant::now();
        let mut left = self.patience.attempts.max(1);
        loop {
            left -= 1;
            match attempt(self.patience.attempt) {
                Ok(answer) => {
                    self.health.clear();
                    return Ok(answer);
                }
                Err(Failed::Final(error)) => return Err(Exhausted::Final(error)),
                Err(Failed::Again(error)) => {
                    let hopeless = self
                        .health
                        .problem()
                        .is_some_and(|p| p.kind == ProblemKind::Authentication);
                    let exhausted = Exhausted::of(error, started.elapsed());
                    if left == 0 || hopeless {
                        return Err(exhausted);
                    }
                    match exhausted {
                        // Nobody is to wait for a broker without knowing what for.
                        Exhausted::Silence(_) => {
                            let reason = self.explain(action, exhausted);
                            tracing::warn!(target: "kafka", "{reason}; trying again, {left} attempt(s) left");
                        }
                        Exhausted::Code(code) => {
                            tracing::debug!(target: "kafka", "cannot {action}, {left} attempts left: {code}");
                        }
                        Exhausted::Final(_) => {}
                    }
                    std::thread::sleep(self.patience.pause);
                }
            }
        }
    }

    /// Whether an error is worth another attempt.
    fn sort(&self, action: &str, error: ClientError) -> Failed {
        match error.rdkafka_error_code() {
            Some(
                code @ (RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::UnsupportedVersion),
            ) => Failed::Final(self.refused(action, code.to_string(), false)),
            _ => Failed::Again(error),
        }
    }

    fn refused(&self, action: &str, reason: String, retryable: bool) -> KafkaError {
        KafkaError::Refused {
            action: action.to_owned(),
            servers: self.config.bootstrap_servers().to_owned(),
            reason,
            problem: None,
            retryable,
        }
    }

    fn explain(&self, action: &str, exhausted: Exhausted) -> KafkaError {
        match exhausted {
            Exhausted::Final(error) => error,
            Exhausted::Code(code) => self.refused(action, code.to_string(), true),
            Exhausted::Silence(waited) => KafkaError::Unanswered {
                action: action.to_owned(),
                servers: self.config.bootstrap_servers().to_owned(),
                waited,
                problem: self.health.problem(),
            },
        }
    }
}

/// How all attempts ended.
enum Exhausted {
    Final(KafkaError),
    /// With an answer, of this code.
    Code(RDKafkaErrorCode),
    /// Without an answer, for so long.
    Silence(Duration),
}

impl Exhausted {
    fn of(error: ClientError, waited: Duration) -> Self {
        match error.rdkafka_error_code() {
            None
            | Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::TimedOutQueue
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL,
            ) => Self::Silence(waited),
            Some(code) => Self::Code(code),
        }
    }
}

/// The first few partitions, for messages.
fn some_of(at: &[(TopicPartition, At)]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = at
        .iter()
        .take(SHOWN)
        .map(|(partition, _)| partition.to_string())
        .collect();
    match at.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn is_missing(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition
    )
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(spec.replication));
    spec.config
        .iter()
        .fold(topic, |topic, (name, value)| topic.set(name, value))
}
