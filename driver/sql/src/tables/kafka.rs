//! Options of a Kafka table, checked before any broker is asked.

use std::collections::BTreeMap;

use millstream_common::options::{OptionError, Options};
use millstream_plan::spec::{KafkaSource, SinkSpec, Subscription, ValueFormat};

const SOURCE: [&str; 24] = [
    "subscribe",
    "subscribePattern",
    "assign",
    "startingOffsets",
    "startingOffsetsByTimestamp",
    "startingTimestamp",
    "startingOffsetsByTimestampStrategy",
    "endingOffsets",
    "endingOffsetsByTimestamp",
    "endingTimestamp",
    "failOnDataLoss",
    "maxOffsetsPerTrigger",
    "minOffsetsPerTrigger",
    "maxTriggerDelay",
    "minPartitions",
    "maxRecordsPerPartition",
    "kafkaConsumer.pollTimeoutMs",
    "fetchOffset.numRetries",
    "fetchOffset.retryIntervalMs",
    "groupIdPrefix",
    "includeHeaders",
    "value.format",
    "timestampFormat",
    "dateFormat",
];
const SINK: [&str; 2] = ["topic", "rowsPerSecond"];
/// Options of `from_json` that may stand on a table whose values are JSON.
const JSON: [&str; 11] = [
    "timeParserPolicy",
    "mode",
    "columnNameOfCorruptRecord",
    "timestampNTZFormat",
    "allowComments",
    "allowUnquotedFieldNames",
    "allowSingleQuotes",
    "allowNumericLeadingZeros",
    "allowNonNumericNumbers",
    "allowBackslashEscapingAnyCharacter",
    "allowUnquotedControlChars",
];
const SUBSCRIPTIONS: [&str; 3] = ["subscribe", "subscribePattern", "assign"];

/// Every known name but `kafka.*`.
pub(super) fn options() -> Vec<&'static str> {
    SOURCE.iter().chain(&SINK).chain(&JSON).copied().collect()
}

fn forbidden(name: &str, reason: &str) -> OptionError {
    OptionError::Forbidden {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What holds for a table that is read and for one that is written.
pub(super) fn check_both(options: &Options) -> Result<(), OptionError> {
    let brokers = options.require("kafka.bootstrap.servers", "the brokers, as in 'host1:9092,host2:9092'")?;
    if brokers.trim().is_empty() {
        return Err(options.invalid("kafka.bootstrap.servers", "brokers, as in 'host1:9092,host2:9092'"));
    }
    for (name, reason) in [
        ("kafka.auto.offset.reset", "the start is decided by 'startingOffsets'"),
        (
            "kafka.key.deserializer",
            "keys are read as bytes, cast them in the query",
        ),
        (
            "kafka.value.deserializer",
            "values are read as bytes, cast them in the query",
        ),
        (
            "kafka.key.serializer",
            "keys are written as given, cast them in the query",
        ),
        (
            "kafka.value.serializer",
            "values are written as given, cast them in the query",
        ),
        ("kafka.enable.auto.commit", "offsets are kept in the checkpoint"),
        ("kafka.interceptor.classes", "there is no JVM to load them"),
    ] {
        if options.get(name).is_some() {
            return Err(forbidden(name, reason));
        }
    }
    if let Some(format) = options.get("value.format")
        && !["json", "raw"].contains(&format.to_ascii_lowercase().as_str())
    {
        return Err(options.invalid("value.format", "json or raw"));
    }
    rows_per_second(options)?;
    Ok(())
}

fn rows_per_second(options: &Options) -> Result<Option<f64>, OptionError> {
    let expected = "a number above 0, such as 2 or 0.5";
    match options.parse::<f64>("rowsPerSecond", expected)? {
        Some(rate) if !(rate > 0.0 && rate.is_finite()) => Err(options.invalid("rowsPerSecond", expected)),
        rate => Ok(rate),
    }
}

pub(super) fn source(options: &Options, ddl: Option<&str>, stream: bool) -> Result<KafkaSource, OptionError> {
    let subscription = subscription(options)?;
    starting(options, stream)?;
    ending(options, stream)?;
    for name in [
        "maxOffsetsPerTrigger",
        "minOffsetsPerTrigger",
        "minPartitions",
        "maxRecordsPerPartition",
    ] {
        let expected = "a whole number from 1";
        if options.parse::<u64>(name, expected)? == Some(0) {
            return Err(options.invalid(name, expected));
        }
    }
    let (min, max) = (
        options.parse::<u64>("minOffsetsPerTrigger", "")?,
        options.parse::<u64>("maxOffsetsPerTrigger", "")?,
    );
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(options.invalid(
            "minOffsetsPerTrigger",
            &format!("at most 'maxOffsetsPerTrigger', which is {max}"),
        ));
    }
    if let Some(delay) = options.get("maxTriggerDelay")
        && !is_delay(delay)
    {
        return Err(options.invalid("maxTriggerDelay", "a length of time such as 15m, 30s or '1 hour'"));
    }
    for name in [
        "kafkaConsumer.pollTimeoutMs",
        "fetchOffset.numRetries",
        "fetchOffset.retryIntervalMs",
    ] {
        options.parse::<u64>(name, "a whole number")?;
    }
    let value_format = match ddl {
        None => ValueFormat::Raw,
        Some(ddl) => {
            let json = ["timestampFormat", "dateFormat"].iter().chain(&JSON);
            let options = json
                .filter_map(|name| options.get(name).map(|value| (*name, value)))
                .collect();
            ValueFormat::Json {
                ddl: ddl.to_owned(),
                options,
            }
        }
    };
    Ok(KafkaSource {
        subscription,
        include_headers: options.flag("includeHeaders", false)?,
        fail_on_data_loss: options.flag("failOnDataLoss", true)?,
        value_format,
        options: options.clone(),
    })
}

fn is_delay(text: &str) -> bool {
    let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text.trim()[digits.len()..];
    let short = !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_digit())
        && ["us", "ms", "s", "m", "min", "h", "d", ""].contains(&unit);
    short || crate::interval::parse_text(text).is_some()
}

fn subscription(options: &Options) -> Result<Subscription, OptionError> {
    let given: Vec<&str> = SUBSCRIPTIONS
        .into_iter()
        .filter(|name| options.get(name).is_some())
        .collect();
    match given.as_slice() {
        [] => Err(OptionError::Missing {
            name: "subscribe".into(),
            hint: "the topics to read; or 'subscribePattern', or 'assign'".into(),
        }),
        ["subscribe"] => {
            let topics: Vec<String> = options
                .get("subscribe")
                .unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect();
            if topics.is_empty() {
                return Err(options.invalid("subscribe", "at least one topic"));
            }
            Ok(Subscription::Topics(topics))
        }
        ["subscribePattern"] => {
            let pattern = options.get("subscribePattern").unwrap_or_default();
            if pattern.trim().is_empty() {
                return Err(options.invalid("subscribePattern", "a regular expression"));
            }
            Ok(Subscription::Pattern(pattern.to_owned()))
        }
        ["assign"] => {
            let expected = r#"partitions by topic, as in {"sales":[0,1]}"#;
            let assigned: BTreeMap<String, Vec<i32>> = serde_json::from_str(options.get("assign").unwrap_or_default())
                .map_err(|_| options.invalid("assign", expected))?;
            if assigned.values().all(Vec::is_empty) || assigned.values().flatten().any(|p| *p < 0) {
                return Err(options.invalid("assign", expected));
            }
            Ok(Subscription::Assign(assigned))
        }
        [.., last] => Err(forbidden(
            last,
            "only one of subscribe, subscribePattern and assign may be given",
        )),
    }
}

type ByPartition = BTreeMap<String, BTreeMap<String, i64>>;

/// Offsets or timestamps by topic and partition; the offsets for checks.
fn by_partition(options: &Options, name: &str, example: &str) -> Result<Vec<i64>, OptionError> {
    let text = options.get(name).unwrap_or_default();
    let parsed: ByPartition = serde_json::from_str(text).map_err(|_| options.invalid(name, example))?;
    if parsed
        .values()
        .flat_map(BTreeMap::keys)
        .any(|p| p.parse::<u32>().is_err())
    {
        return Err(options.invalid(name, example));
    }
    Ok(parsed.into_values().flat_map(BTreeMap::into_values).collect())
}

const OFFSETS: &str = r#"JSON such as {"sales":{"0":23,"1":-2}}"#;
const TIMES: &str = r#"JSON such as {"sales":{"0":1621000000000}} (milliseconds)"#;

fn starting(options: &Options, stream: bool) -> Result<(), OptionError> {
    if let Some(offsets) = options.get("startingOffsets") {
        match offsets.trim().to_ascii_lowercase().as_str() {
            "earliest" => {}
            "latest" if stream => {}
            "latest" => {
                return Err(options.invalid(
                    "startingOffsets",
                    "earliest or JSON: a batch query from 'latest' would read nothing",
                ));
            }
            text if text.starts_with('{') => {
                let offsets = by_partition(options, "startingOffsets", OFFSETS)?;
                if !stream && offsets.contains(&-1) {
                    return Err(options.invalid(
                        "startingOffsets",
                        "offsets of which none is -1 (latest) in a batch query",
                    ));
                }
                if offsets.iter().any(|o| *o < -2) {
                    return Err(options.invalid("startingOffsets", OFFSETS));
                }
            }
            _ => return Err(options.invalid("startingOffsets", &format!("earliest, latest or {OFFSETS}"))),
        }
    }
    if options.get("startingOffsetsByTimestamp").is_some() {
        by_partition(options, "startingOffsetsByTimestamp", TIMES)?;
    }
    options.parse::<u64>("startingTimestamp", "milliseconds since 1970")?;
    if let Some(strategy) = options.get("startingOffsetsByTimestampStrategy")
        && !["error", "latest"].contains(&strategy.to_ascii_lowercase().as_str())
    {
        return Err(options.invalid("startingOffsetsByTimestampStrategy", "error or latest"));
    }
    Ok(())
}

fn ending(options: &Options, stream: bool) -> Result<(), OptionError> {
    if stream {
        for name in ["endingOffsets", "endingOffsetsByTimestamp"] {
            if options.get(name).is_some() {
                return Err(forbidden(
                    name,
                    "a streaming query has no end; read the table without STREAM",
                ));
            }
        }
    }
    if let Some(offsets) = options.get("endingOffsets") {
        match offsets.trim().to_ascii_lowercase().as_str() {
            "latest" => {}
            "earliest" => {
                return Err(options.invalid(
                    "endingOffsets",
                    "latest or JSON: a query until 'earliest' would read nothing",
                ));
            }
            text if text.starts_with('{') => {
                if by_partition(options, "endingOffsets", OFFSETS)?.iter().any(|o| *o < -1) {
                    return Err(options.invalid("endingOffsets", "offsets of which none is -2 (earliest)"));
                }
            }
            _ => return Err(options.invalid("endingOffsets", &format!("latest or {OFFSETS}"))),
        }
    }
    if options.get("endingOffsetsByTimestamp").is_some() {
        by_partition(options, "endingOffsetsByTimestamp", TIMES)?;
    }
    options.parse::<u64>("endingTimestamp", "milliseconds since 1970")?;
    Ok(())
}

pub(super) fn sink(options: &Options) -> Result<SinkSpec, OptionError> {
    let topic = options.get("topic").map(str::trim);
    if topic.is_some_and(str::is_empty) {
        return Err(options.invalid("topic", "the topic to write to"));
    }
    Ok(SinkSpec::Kafka {
        topic: topic.map(str::to_owned),
        rows_per_second: rows_per_second(options)?,
        options: options.clone(),
    })
}
