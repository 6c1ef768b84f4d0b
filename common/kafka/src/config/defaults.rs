//! Settings that differ from the library's own defaults, and why.

use std::collections::BTreeMap;

use super::Role;

type Properties = BTreeMap<String, String>;

/// Every client.
const COMMON: &[(&str, &str)] = &[
    ("client.id", "millstream"),
    // Creating a topic by reading it would hide a misspelt name.
    ("allow.auto.create.topics", "false"),
    ("log.connection.close", "false"),
    ("reconnect.backoff.ms", "250"),
    ("reconnect.backoff.max.ms", "5000"),
    ("socket.keepalive.enable", "true"),
    ("socket.nagle.disable", "true"),
];

/// Readers. Memory: each partition holds at most `queued.max.messages.kbytes` (or `queued.min.messages` records) ahead of its
/// reader, which is some 60 ms of reading at full speed; a partition that is read up to its end holds nothing.
const READER: &[(&str, &str)] = &[
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("isolation.level", "read_uncommitted"),
    ("check.crcs", "true"),
    ("queued.min.messages", "50000"),
    ("queued.max.messages.kbytes", "8192"),
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.max.bytes", "16777216"),
    // With short queues the default second of pause after a full one would be most of the time.
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.error.backoff.ms", "100"),
    // One fetch at a time is open to a broker: another partition's seek has to wait for it.
    ("fetch.wait.max.ms", "50"),
    ("max.poll.interval.ms", "86400000"),
];

/// Admin clients only ask.
const ADMIN: &[(&str, &str)] = &[("enable.auto.commit", "false"), ("isolation.level", "read_uncommitted")];

/// Producers: ordered, without duplicates of retries, batches of a few milliseconds.
const PRODUCER: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("linger.ms", "3"),
    ("queue.buffering.max.kbytes", "32768"),
    ("delivery.timeout.ms", "120000"),
    // The Java client's, so that a key goes to the partition where other programs put it.
    ("partitioner", "murmur2_random"),
];

fn owned(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

/// What a client of this role starts from.
pub(super) fn for_role(role: Role) -> Properties {
    let own = match role {
        Role::Reader => READER,
        Role::Admin => ADMIN,
        Role::Producer => PRODUCER,
    };
    owned(COMMON).chain(owned(own)).collect()
}

/// MSK limits new IAM connections per second: a fleet that restarts has to spread out.
pub(super) fn for_iam() -> Properties {
    owned(&[("reconnect.backoff.ms", "1000"), ("reconnect.backoff.max.ms", "10000")]).collect()
}

/// Defaults that depend on what was given.
pub(super) fn adjust(properties: &mut Properties, role: Role) {
    let uses_tls = properties
        .get("security.protocol")
        .is_some_and(|protocol| protocol.to_ascii_lowercase().ends_with("ssl"));
    let names_authority = ["ssl.ca.location", "ssl.ca.pem"]
        .iter()
        .any(|name| properties.contains_key(*name));
    if uses_tls && !names_authority {
        properties.insert("ssl.ca.location".to_owned(), "probe".to_owned());
    }
    // As in Java: asking for fewer acknowledgements means doing without idempotence.
    let acks_all = properties
        .get("acks")
        .is_none_or(|acks| matches!(acks.as_str(), "all" | "-1"));
    if role == Role::Producer && !acks_all {
        properties.insert("enable.idempotence".to_owned(), "false".to_owned());
    }
}
