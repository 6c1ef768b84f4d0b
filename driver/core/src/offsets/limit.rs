//! How much of what is there one batch takes.

use millstream_common::domain::offset::{PartitionOffsets, TopicPartition};
use millstream_common::options::{OptionError, Options};

/// Offsets one batch spans when `maxOffsetsPerTrigger` is not set: bounds the memory of a first batch over an old topic whose
/// rows are not aggregated, and how long a stop has to wait for the batch to end.
pub const DEFAULT_OFFSETS_PER_BATCH: u64 = 10_000_000;

/// `maxTriggerDelay` when it is not set.
const DEFAULT_MAX_DELAY_MS: u64 = 15 * 60 * 1000;

/// The limits of one source of a streaming query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Offsets one batch may span.
    pub max: Option<u64>,
    /// New offsets that must be there before a batch starts.
    pub min: Option<u64>,
    /// A batch starts after this time even when fewer than `min` are there. Milliseconds.
    pub max_delay_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max: Some(DEFAULT_OFFSETS_PER_BATCH),
            min: None,
            max_delay_ms: DEFAULT_MAX_DELAY_MS,
        }
    }
}

impl Limits {
    /// No limit: a batch takes all that is there.
    #[must_use]
    pub fn none() -> Self {
        Self {
            max: None,
            min: None,
            max_delay_ms: DEFAULT_MAX_DELAY_MS,
        }
    }

    /// Reads `maxOffsetsPerTrigger`, `minOffsetsPerTrigger` and `maxTriggerDelay`.
    ///
    /// # Errors
    /// A value that is not a number or duration, or a minimum above the maximum.
    pub fn from_options(options: &Options) -> Result<Self, OptionError> {
        let count = "a number of offsets of at least 1";
        let positive = |name: &str| match options.parse::<u64>(name, count)? {
            Some(0) => Err(options.invalid(name, count)),
            value => Ok(value),
        };
        let max = positive("maxOffsetsPerTrigger")?;
        let min = positive("minOffsetsPerTrigger")?;
        if let (Some(max), Some(min)) = (max, min)
            && min > max
        {
            return Err(options.invalid("minOffsetsPerTrigger", "at most maxOffsetsPerTrigger"));
        }
        let max_delay_ms = match options.get("maxTriggerDelay") {
            None => DEFAULT_MAX_DELAY_MS,
            Some(text) => duration_ms(text)
                .ok_or_else(|| options.invalid("maxTriggerDelay", "a duration such as 30s, 15m or 1h"))?,
        };
        Ok(Self {
            max: max.or(Some(DEFAULT_OFFSETS_PER_BATCH)),
            min,
            max_delay_ms,
        })
    }
}

fn duration_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let value: u64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)?.trim().to_ascii_lowercase().as_str() {
        "" | "ms" => 1,
        "s" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    value.checked_mul(unit)
}

/// Shares `limit` offsets over the partitions in proportion to what each has.
///
/// A share below one is rounded up, any other down: a small partition is never starved, and the total may exceed the limit by at
/// most the number of such partitions. Partitions without new data keep their start.
#[must_use]
pub fn split_limit(start: &PartitionOffsets, latest: &PartitionOffsets, limit: u64) -> PartitionOffsets {
    let sizes: Vec<(TopicPartition, i64, u64)> = latest
        .iter()
        .map(|(partition, end)| {
            let from = start.get(&partition).unwrap_or(end);
            let size = u64::try_from(end - from).unwrap_or(0);
            (partition, if size == 0 { end } else { from }, size)
        })
        .collect();
    let total: u128 = sizes.iter().map(|(_, _, size)| u128::from(*size)).sum();
    if total <= u128::from(limit) {
        return latest.clone();
    }
    sizes
        .into_iter()
        .map(|(partition, from, size)| {
            let share = u128::from(limit) * u128::from(size) / total;
            let share = if share == 0 && size > 0 { 1 } else { share };
            let taken = i64::try_from(share.min(u128::from(size))).unwrap_or(i64::MAX);
            (partition, from + taken)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(values: &[i64]) -> PartitionOffsets {
        values
            .iter()
            .zip(0..)
            .map(|(offset, p)| (TopicPartition::new("t", p), *offset))
            .collect()
    }

    #[test]
    fn shares_below_one_round_up_and_others_down() {
        // 10 of 1003: 9.97 -> 9, 0.01 -> 1, 0.02 -> 1, nothing new -> nothing.
        let end = split_limit(&at(&[0, 0, 5, 7]), &at(&[1000, 1, 7, 7]), 10);
        assert_eq!(end, at(&[9, 1, 6, 7]));
        assert_eq!(split_limit(&at(&[0, 0]), &at(&[3, 4]), 7), at(&[3, 4]));
    }

    #[test]
    fn options_are_checked() {
        let read = |pairs: &[(&str, &str)]| {
            let mut options = Options::default();
            for (name, value) in pairs {
                options.set(*name, *value);
            }
            Limits::from_options(&options)
        };
        assert_eq!(read(&[]).unwrap(), Limits::default());
        assert_eq!(read(&[("maxTriggerDelay", "2m")]).unwrap().max_delay_ms, 120_000);
        for bad in [
            &[("maxOffsetsPerTrigger", "0")][..],
            &[("maxOffsetsPerTrigger", "many")],
            &[("maxOffsetsPerTrigger", "5"), ("minOffsetsPerTrigger", "6")],
            &[("maxTriggerDelay", "soon")],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_split_stays_inside_what_is_there_and_makes_progress(
            parts in prop::collection::vec((0i64..1000, 0i64..5000), 1..20), limit in 1u64..10_000
        ) {
            let start = at(&parts.iter().map(|(from, _)| *from).collect::<Vec<_>>());
            let latest = at(&parts.iter().map(|(from, size)| from + size).collect::<Vec<_>>());
            let end = split_limit(&start, &latest, limit);
            let mut taken = 0;
            for (partition, offset) in end.iter() {
                let (from, until) = (start.get(&partition).unwrap(), latest.get(&partition).unwrap());
                prop_assert!(from <= offset && offset <= until);
                prop_assert!(from == until || offset > from, "a partition with data was starved");
                taken += offset - from;
            }
            prop_assert!(taken as u64 <= limit + parts.len() as u64);
        }
    }
}
