//! Kafka's names are the Java client's; librdkafka differs in some. One table says what becomes of each.

use std::collections::BTreeMap;

use millstream_common::options::OptionError;

use super::jaas::Login;
use super::{Given, Role};
use crate::error::KafkaError;
use crate::iam::IamSettings;

/// The options in librdkafka's terms.
pub(super) struct Translated {
    pub(super) properties: BTreeMap<String, String>,
    pub(super) iam: Option<IamSettings>,
}

/// Names people use, for "did you mean".
pub(super) const COMMON_NAMES: &[&str] = &[
    "acks",
    "batch.size",
    "bootstrap.servers",
    "client.id",
    "client.rack",
    "compression.type",
    "delivery.timeout.ms",
    "enable.idempotence",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "group.id",
    "isolation.level",
    "linger.ms",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.records",
    "max.request.size",
    "metadata.max.age.ms",
    "receive.buffer.bytes",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retries",
    "sasl.jaas.config",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "send.buffer.bytes",
    "session.timeout.ms",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "transactional.id",
];

/// Spark sets these itself, and so do we.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        "auto.offset.reset",
        "use option 'startingOffsets' to say where the first batch starts",
    ),
    (
        "key.deserializer",
        "keys are always read as bytes: cast the 'key' column",
    ),
    (
        "value.deserializer",
        "values are always read as bytes: cast the 'value' column or give 'value.format'",
    ),
    (
        "key.serializer",
        "keys are written as they are: give a string or binary 'key' column",
    ),
    (
        "value.serializer",
        "values are written as they are: give a string or binary 'value' column",
    ),
    ("enable.auto.commit", "offsets are kept in the checkpoint, not in Kafka"),
    (
        "interceptor.classes",
        "there are no interceptors, and in Java they could break the source",
    ),
    ("enable.partition.eof", "the reader depends on it"),
    ("enable.sasl.oauthbearer.unsecure.jwt", "unsigned tokens are never sent"),
];

/// Settings of the Java client that have no counterpart and change no result.
const IGNORED: &[&str] = &[
    "allow.auto.create.topics",
    "auto.commit.interval.ms",
    "auto.include.jmx.reporter",
    "confluent.monitoring.interceptor.topic",
    "default.api.timeout.ms",
    "exclude.internal.topics",
    "group.protocol.type",
    "internal.leave.group.on.close",
    "max.block.ms",
    "max.poll.interval.ms",
    "max.poll.records",
    "metadata.max.idle.ms",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "partition.assignment.strategy",
    "partitioner.class",
    "sasl.client.callback.handler.class",
    "sasl.kerberos.kinit.cmd",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "security.providers",
    "ssl.cipher.suites.policy",
    "ssl.engine.factory.class",
    "ssl.enabled.protocols",
    "ssl.keymanager.algorithm",
    "ssl.protocol",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "ssl.truststore.type",
    "ssl.keystore.type",
    "transaction.two.phase.commit.enable",
    "aws.region",
    "aws.profile",
    "aws.role.arn",
    "sasl.jaas.config",
];

/// Java's name, librdkafka's name.
const RENAMED: &[(&str, &str)] = &[
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("max.request.size", "message.max.bytes"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("ssl.truststore.certificates", "ssl.ca.pem"),
    ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
    ("ssl.keystore.key", "ssl.key.pem"),
    ("sasl.mechanism", "sasl.mechanisms"),
];

/// Translates all `kafka.*` options of a client.
pub(super) fn translate(given: &BTreeMap<String, Given>, role: Role) -> Result<Translated, KafkaError> {
    let mut properties = BTreeMap::new();
    for (name, option) in given {
        if let Some((_, reason)) = FORBIDDEN.iter().find(|(forbidden, _)| forbidden == name) {
            return Err(forbidden(option, reason));
        }
        for (name, value) in one(name, option, given, role)? {
            properties.insert(name, value);
        }
    }
    let iam = authentication(given, &mut properties)?;
    Ok(Translated { properties, iam })
}

/// What one option becomes.
fn one(
    name: &str,
    option: &Given,
    given: &BTreeMap<String, Given>,
    role: Role,
) -> Result<Vec<(String, String)>, KafkaError> {
    let value = option.value.clone();
    let set = |name: &str, value: String| Ok(vec![(name.to_owned(), value)]);
    match name {
        "ssl.truststore.location" if is_type(given, "ssl.truststore.type", "PEM") => set("ssl.ca.location", value),
        "ssl.truststore.location" | "ssl.truststore.password" => Err(forbidden(
            option,
            "a Java key store cannot be read: export the certificates as PEM and name the file in \
             'kafka.ssl.ca.location' (without it the system's authorities are trusted)",
        )),
        "ssl.keystore.location" if is_type(given, "ssl.keystore.type", "PEM") => Ok(vec![
            ("ssl.certificate.location".to_owned(), value.clone()),
            ("ssl.key.location".to_owned(), value),
        ]),
        "ssl.keystore.location" if !is_type(given, "ssl.keystore.type", "PKCS12") => Err(forbidden(
            option,
            "a Java key store cannot be read: use PEM files in 'kafka.ssl.certificate.location' and \
             'kafka.ssl.key.location', or a PKCS12 file with 'kafka.ssl.keystore.type' PKCS12",
        )),
        "ssl.endpoint.identification.algorithm" if value.is_empty() => set(name, "none".to_owned()),
        // Java counts bytes.
        "buffer.memory" => {
            let bytes: u64 = value.parse().map_err(|_| invalid(option, "a number of bytes"))?;
            set("queue.buffering.max.kbytes", (bytes / 1024).max(1).to_string())
        }
        // librdkafka has this per topic of a producer; elsewhere it is the socket's.
        "request.timeout.ms" if role != Role::Producer => set("socket.timeout.ms", value),
        "transactional.id" if role == Role::Producer => Err(forbidden(
            option,
            "the sink chooses it: it names the query and the writing task",
        )),
        _ if IGNORED.contains(&name) => {
            if name == "max.poll.records" || name.ends_with(".class") || name.ends_with(".classes") {
                tracing::warn!(target: "kafka", option = option.name, "has no meaning for this client and is ignored");
            }
            Ok(Vec::new())
        }
        _ => {
            let name = RENAMED
                .iter()
                .find(|(java, _)| *java == name)
                .map_or(name, |(_, own)| own);
            set(name, value)
        }
    }
}

/// Makes sense of mechanism, login module and user, and returns the IAM settings when IAM is meant.
fn authentication(
    given: &BTreeMap<String, Given>,
    properties: &mut BTreeMap<String, String>,
) -> Result<Option<IamSettings>, KafkaError> {
    let login = match given.get("sasl.jaas.config") {
        None => None,
        Some(option) => Some(
            Login::parse(&option.value)
                .ok_or_else(|| invalid(option, "a login module: 'class required name=\"value\" ...;'"))?,
        ),
    };
    let mechanism = properties.get("sasl.mechanisms").map(|m| m.to_ascii_uppercase());
    let handler = [
        "sasl.client.callback.handler.class",
        "sasl.login.callback.handler.class",
    ]
    .iter()
    .find_map(|name| given.get(*name))
    .is_some_and(|option| option.value.contains("IAM"));
    let module = login.as_ref().map_or("", |login| login.module.as_str());

    if mechanism.as_deref() == Some("AWS_MSK_IAM") || handler || module == "IAMLoginModule" {
        properties.insert("sasl.mechanisms".to_owned(), "OAUTHBEARER".to_owned());
        properties
            .entry("security.protocol".to_owned())
            .or_insert_with(|| "SASL_SSL".to_owned());
        let own = |name: &str| given.get(name).map(|option| option.value.clone());
        let from_login = |name: &str| login.as_ref().and_then(|login| login.get(name)).map(str::to_owned);
        return Ok(Some(IamSettings {
            region: own("aws.region"),
            profile: own("aws.profile").or_else(|| from_login("awsProfileName")),
            role_arn: own("aws.role.arn").or_else(|| from_login("awsRoleArn")),
            session_name: from_login("awsRoleSessionName"),
        }));
    }
    if let (Some(mechanism), Some(option)) = (
        &mechanism,
        given.get("sasl.mechanism").or_else(|| given.get("sasl.mechanisms")),
    ) {
        match mechanism.as_str() {
            "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" => {}
            "GSSAPI" => {
                return Err(forbidden(
                    option,
                    "Kerberos is not supported: use SCRAM-SHA-512, PLAIN or AWS_MSK_IAM",
                ));
            }
            "OAUTHBEARER" => {
                return Err(forbidden(
                    option,
                    "tokens are only made for MSK: use AWS_MSK_IAM, SCRAM-SHA-512 or PLAIN",
                ));
            }
            _ => return Err(invalid(option, "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or AWS_MSK_IAM")),
        }
    }
    if let (Some(login), Some(option)) = (&login, given.get("sasl.jaas.config")) {
        if !matches!(login.module.as_str(), "PlainLoginModule" | "ScramLoginModule") {
            return Err(forbidden(
                option,
                "only PlainLoginModule, ScramLoginModule and IAMLoginModule are understood",
            ));
        }
        for (setting, property) in [("username", "sasl.username"), ("password", "sasl.password")] {
            if let Some(value) = login.get(setting) {
                properties
                    .entry(property.to_owned())
                    .or_insert_with(|| value.to_owned());
            }
        }
    }
    Ok(None)
}

fn is_type(given: &BTreeMap<String, Given>, name: &str, wanted: &str) -> bool {
    given
        .get(name)
        .is_some_and(|option| option.value.eq_ignore_ascii_case(wanted))
}

fn forbidden(option: &Given, reason: &str) -> KafkaError {
    OptionError::Forbidden {
        name: option.name.clone(),
        reason: reason.to_owned(),
    }
    .into()
}

fn invalid(option: &Given, expected: &str) -> KafkaError {
    let shown = if millstream_common::options::is_secret(&option.name) {
        "***"
    } else {
        option.value.as_str()
    };
    OptionError::Invalid {
        name: option.name.clone(),
        value: shown.to_owned(),
        expected: expected.to_owned(),
    }
    .into()
}
