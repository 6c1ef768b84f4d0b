//! Where a query starts and, when it is a batch query, where it ends.

use std::collections::BTreeSet;

use millstream_common::domain::offset::{PartitionOffsets, TopicPartition};
use millstream_common::options::{OptionError, Options};
use thiserror::Error;

/// The offset that stands for the end of a partition in JSON positions.
const LATEST: i64 = -1;
/// The offset that stands for the beginning of a partition in JSON positions.
const EARLIEST: i64 = -2;

/// Whether positions are read for a streaming or a batch query: defaults and what is allowed differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Runs until stopped.
    Stream,
    /// Runs once.
    Batch,
}

/// What is done when no record is as late as the timestamp asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The query fails (`startingOffsetsByTimestampStrategy` = `error`).
    Error,
    /// The end of the partition is used.
    Latest,
}

/// A position as the options give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// The oldest record kept.
    Earliest,
    /// Behind the newest record.
    Latest,
    /// Offsets per partition; -2 is the beginning, -1 the end. Names every partition.
    Offsets(PartitionOffsets),
    /// The first record at or after an instant (epoch milliseconds), per partition. Names every partition.
    Times(PartitionOffsets, Missing),
    /// The same instant for all partitions.
    Time(i64, Missing),
}

/// Which end of the range a position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// First offset read.
    Start,
    /// First offset not read.
    End,
}

impl Bound {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "starting",
            Self::End => "ending",
        }
    }
}

/// What the broker says about the partitions of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The oldest offset kept.
    pub earliest: PartitionOffsets,
    /// The next offset to be written.
    pub latest: PartitionOffsets,
    /// The answer per partition to the instant asked for; none: no record is as late.
    pub by_time: Vec<(TopicPartition, Option<i64>)>,
}

/// A position that does not fit the partitions that exist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PositionError {
    /// The JSON does not name exactly the partitions that are read.
    #[error(
        "the {bound} offsets name the partitions [{given}], the source reads [{actual}]: name every partition and no other (-2 is earliest, -1 is latest)"
    )]
    OtherPartitions {
        /// `starting` or `ending`.
        bound: &'static str,
        /// Partitions in the option.
        given: String,
        /// Partitions that exist.
        actual: String,
    },
    /// No record is as late as the instant asked for.
    #[error(
        "no record of {partition} is as late as the starting timestamp {at_ms} (epoch milliseconds): set startingOffsetsByTimestampStrategy to 'latest' to begin at its end"
    )]
    NoRecordSoLate {
        /// Where.
        partition: TopicPartition,
        /// The instant asked for.
        at_ms: i64,
    },
    /// The broker lists a partition and gives no offset for it.
    #[error("the broker gave no {bound} offset for {partition}: it vanished while the query was planned")]
    Vanished {
        /// `starting` or `ending`.
        bound: &'static str,
        /// Where.
        partition: TopicPartition,
    },
}

/// Reads where a query starts: `startingTimestamp` wins over `startingOffsetsByTimestamp`, that over `startingOffsets`.
///
/// # Errors
/// An option that cannot be read or is not allowed in this mode.
pub fn starting(options: &Options, mode: Mode) -> Result<Position, OptionError> {
    let missing = match options
        .get("startingOffsetsByTimestampStrategy")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("error") => Missing::Error,
        Some("latest") => Missing::Latest,
        Some(_) => return Err(options.invalid("startingOffsetsByTimestampStrategy", "error or latest")),
    };
    if let Some(at) = options.parse::<i64>("startingTimestamp", "milliseconds since the epoch")? {
        return Ok(Position::Time(at, missing));
    }
    if options.get("startingOffsetsByTimestamp").is_some() {
        return Ok(Position::Times(
            offsets(options, "startingOffsetsByTimestamp")?,
            missing,
        ));
    }
    let name = "startingOffsets";
    match options.get(name).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(match mode {
            Mode::Stream => Position::Latest,
            Mode::Batch => Position::Earliest,
        }),
        Some("earliest") => Ok(Position::Earliest),
        Some("latest") if mode == Mode::Stream => Ok(Position::Latest),
        Some("latest") => Err(options.invalid(name, "earliest or JSON offsets (a batch query cannot begin at latest)")),
        Some(_) => {
            let given = offsets(options, name)?;
            if mode == Mode::Batch && given.iter().any(|(_, offset)| offset == LATEST) {
                return Err(options.invalid(name, "offsets or -2 (a batch query cannot begin at latest, -1)"));
            }
            Ok(Position::Offsets(given))
        }
    }
}

/// Reads where a batch query ends: `endingTimestamp` wins over `endingOffsetsByTimestamp`, that over `endingOffsets`.
///
/// # Errors
/// An option that cannot be read, or `earliest` as an end.
pub fn ending(options: &Options) -> Result<Position, OptionError> {
    if let Some(at) = options.parse::<i64>("endingTimestamp", "milliseconds since the epoch")? {
        return Ok(Position::Time(at, Missing::Latest));
    }
    if options.get("endingOffsetsByTimestamp").is_some() {
        return Ok(Position::Times(
            offsets(options, "endingOffsetsByTimestamp")?,
            Missing::Latest,
        ));
    }
    let name = "endingOffsets";
    match options.get(name).map(str::to_ascii_lowercase).as_deref() {
        None | Some("latest") => Ok(Position::Latest),
        Some("earliest") => Err(options.invalid(name, "latest or JSON offsets (a query cannot end at earliest)")),
        Some(_) => {
            let given = offsets(options, name)?;
            if given.iter().any(|(_, offset)| offset == EARLIEST) {
                return Err(options.invalid(name, "offsets or -1 (a query cannot end at earliest, -2)"));
            }
            Ok(Position::Offsets(given))
        }
    }
}

fn offsets(options: &Options, name: &str) -> Result<PartitionOffsets, OptionError> {
    let text = options.get(name).unwrap_or_default();
    serde_json::from_str(text).map_err(|_| {
        options.invalid(
            name,
            r#"earliest, latest or JSON such as {"topic":{"0":23,"1":-2}} (partition numbers are quoted)"#,
        )
    })
}

impl Position {
    /// The instants to ask the broker about, for each of `partitions`; empty when the position is not one by time.
    #[must_use]
    pub fn times(&self, partitions: &[TopicPartition]) -> Vec<(TopicPartition, i64)> {
        match self {
            Self::Time(at, _) => partitions.iter().map(|p| (p.clone(), *at)).collect(),
            Self::Times(at, _) => at.iter().filter(|(p, _)| partitions.contains(p)).collect(),
            Self::Earliest | Self::Latest | Self::Offsets(_) => Vec::new(),
        }
    }
}

/// Turns a position into one offset per partition of `partitions`.
///
/// # Errors
/// `OtherPartitions` when the option names others than exist, `NoRecordSoLate` under the strategy `error`, `Vanished` when a
/// fact is missing.
pub fn resolve(
    position: &Position,
    bound: Bound,
    partitions: &[TopicPartition],
    facts: &Facts,
) -> Result<PartitionOffsets, PositionError> {
    match position {
        Position::Offsets(given) | Position::Times(given, _) => same_partitions(given, bound, partitions)?,
        Position::Earliest | Position::Latest | Position::Time(..) => {}
    }
    let known = |offsets: &PartitionOffsets, partition: &TopicPartition| {
        offsets.get(partition).ok_or_else(|| PositionError::Vanished {
            bound: bound.word(),
            partition: partition.clone(),
        })
    };
    let by_time = |partition: &TopicPartition, at_ms: i64, missing: Missing| {
        let answer = facts.by_time.iter().find(|(p, _)| p == partition).and_then(|(_, o)| *o);
        match (answer, missing) {
            (Some(offset), _) => Ok(offset),
            (None, Missing::Latest) => known(&facts.latest, partition),
            (None, Missing::Error) => Err(PositionError::NoRecordSoLate {
                partition: partition.clone(),
                at_ms,
            }),
        }
    };
    partitions
        .iter()
        .map(|partition| {
            let offset = match position {
                Position::Earliest => known(&facts.earliest, partition)?,
                Position::Latest => known(&facts.latest, partition)?,
                Position::Offsets(given) => match known(given, partition)? {
                    EARLIEST => known(&facts.earliest, partition)?,
                    LATEST => known(&facts.latest, partition)?,
                    offset => offset,
                },
                Position::Times(at, missing) => by_time(partition, known(at, partition)?, *missing)?,
                Position::Time(at, missing) => by_time(partition, *at, *missing)?,
            };
            Ok((partition.clone(), offset))
        })
        .collect()
}

fn same_partitions(given: &PartitionOffsets, bound: Bound, partitions: &[TopicPartition]) -> Result<(), PositionError> {
    let given: BTreeSet<TopicPartition> = given.iter().map(|(p, _)| p).collect();
    let actual: BTreeSet<TopicPartition> = partitions.iter().cloned().collect();
    if given == actual {
        return Ok(());
    }
    let names = |set: &BTreeSet<TopicPartition>| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(PositionError::OtherPartitions {
        bound: bound.word(),
        given: names(&given),
        actual: names(&actual),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        let mut options = Options::default();
        for (name, value) in pairs {
            options.set(*name, *value);
        }
        options
    }

    fn at(values: &[(i32, i64)]) -> PartitionOffsets {
        values.iter().map(|(p, o)| (TopicPartition::new("t", *p), *o)).collect()
    }

    fn facts() -> Facts {
        Facts {
            earliest: at(&[(0, 3), (1, 0)]),
            latest: at(&[(0, 10), (1, 20)]),
            by_time: vec![
                (TopicPartition::new("t", 0), Some(7)),
                (TopicPartition::new("t", 1), None),
            ],
        }
    }

    #[test]
    fn options_are_read_by_spark_s_precedence() {
        let all = [
            ("startingOffsets", "earliest"),
            ("startingOffsetsByTimestamp", r#"{"t":{"0":5}}"#),
            ("startingTimestamp", "9"),
        ];
        let read = |n: usize| starting(&options(&all[..n]), Mode::Stream).unwrap();
        assert_eq!(read(0), Position::Latest);
        assert_eq!(read(1), Position::Earliest);
        assert_eq!(read(2), Position::Times(at(&[(0, 5)]), Missing::Error));
        assert_eq!(read(3), Position::Time(9, Missing::Error));
        assert_eq!(starting(&options(&[]), Mode::Batch).unwrap(), Position::Earliest);
        assert_eq!(ending(&options(&[])).unwrap(), Position::Latest);
    }

    #[test]
    fn what_a_batch_query_may_not_say_is_refused() {
        for value in ["latest", r#"{"t":{"0":-1}}"#, "soon"] {
            assert!(
                starting(&options(&[("startingOffsets", value)]), Mode::Batch).is_err(),
                "{value}"
            );
        }
        for value in ["earliest", r#"{"t":{"0":-2}}"#] {
            assert!(ending(&options(&[("endingOffsets", value)])).is_err(), "{value}");
        }
    }

    #[test]
    fn positions_resolve_against_the_facts() {
        let partitions = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        let cases = [
            (Position::Earliest, at(&[(0, 3), (1, 0)])),
            (Position::Latest, at(&[(0, 10), (1, 20)])),
            (Position::Offsets(at(&[(0, -2), (1, -1)])), at(&[(0, 3), (1, 20)])),
            (Position::Offsets(at(&[(0, 5), (1, 6)])), at(&[(0, 5), (1, 6)])),
            (Position::Time(1, Missing::Latest), at(&[(0, 7), (1, 20)])),
        ];
        for (position, expected) in cases {
            assert_eq!(
                resolve(&position, Bound::Start, &partitions, &facts()),
                Ok(expected),
                "{position:?}"
            );
        }
        let late = resolve(&Position::Time(1, Missing::Error), Bound::Start, &partitions, &facts());
        assert!(matches!(late, Err(PositionError::NoRecordSoLate { .. })));
        let partial = resolve(&Position::Offsets(at(&[(0, 5)])), Bound::Start, &partitions, &facts());
        assert!(matches!(partial, Err(PositionError::OtherPartitions { .. })));
    }
}
