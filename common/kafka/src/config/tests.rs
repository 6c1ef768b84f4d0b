use millstream_common::domain::failure::FailureClass;

use super::*;

fn options(more: &[(&str, &str)]) -> Options {
    let mut options: Options = more.iter().copied().collect();
    options.set("kafka.bootstrap.servers", " b1:9092, b2:9092 ");
    options
}

fn config(more: &[(&str, &str)]) -> KafkaConfig {
    KafkaConfig::from_options(&options(more), Role::Reader).unwrap()
}

fn error(role: Role, more: &[(&str, &str)]) -> String {
    let error = KafkaConfig::from_options(&options(more), role).unwrap_err();
    assert_eq!(error.class(), FailureClass::User);
    error.to_string()
}

#[test]
fn servers_are_required_and_trimmed() {
    assert_eq!(config(&[]).bootstrap_servers(), "b1:9092,b2:9092");
    let missing = KafkaConfig::from_options(&Options::default(), Role::Admin)
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("option 'kafka.bootstrap.servers' is required"),
        "{missing}"
    );
}

#[test]
fn java_names_become_the_librarys() {
    let config = config(&[
        ("kafka.fetch.max.wait.ms", "20"),
        ("kafka.max.partition.fetch.bytes", "2000000"),
        ("kafka.request.timeout.ms", "30000"),
        ("kafka.max.poll.records", "500"),
        ("kafka.isolation.level", "read_committed"),
        ("kafka.security.protocol", "SSL"),
        ("Kafka.Client.Id", "me"),
    ]);
    for (name, value) in [
        ("fetch.wait.max.ms", "20"),
        ("fetch.message.max.bytes", "2000000"),
        ("socket.timeout.ms", "30000"),
        ("isolation.level", "read_committed"),
        ("ssl.ca.location", "probe"),
        ("client.id", "me"),
        ("auto.offset.reset", "error"),
    ] {
        assert_eq!(config.property(name), Some(value), "{name}");
    }
    assert_eq!(config.property("max.poll.records"), None);
}

#[test]
fn what_cannot_work_is_refused_with_what_to_do() {
    for (name, value, part) in [
        ("kafka.auto.offset.reset", "latest", "startingOffsets"),
        ("kafka.value.deserializer", "x", "value.format"),
        ("kafka.enable.auto.commit", "true", "checkpoint"),
        ("kafka.ssl.truststore.location", "/t.jks", "kafka.ssl.ca.location"),
        ("kafka.ssl.keystore.location", "/k.jks", "PKCS12"),
        ("kafka.sasl.mechanism", "GSSAPI", "Kerberos"),
    ] {
        let text = error(Role::Reader, &[(name, value)]);
        assert!(
            text.starts_with(&format!("option '{name}' is not allowed")) && text.contains(part),
            "{text}"
        );
    }
    assert_eq!(
        error(Role::Reader, &[("kafka.fetch.max.byte", "1")]),
        "unknown option 'kafka.fetch.max.byte', did you mean 'kafka.fetch.max.bytes'?"
    );
    let text = error(Role::Reader, &[("kafka.fetch.min.bytes", "lots")]);
    assert!(
        text.starts_with("option 'kafka.fetch.min.bytes' is 'lots', expected a value"),
        "{text}"
    );
    let text = error(Role::Producer, &[("kafka.transactional.id", "x")]);
    assert!(text.contains("the sink chooses it"), "{text}");
}

#[test]
fn users_and_passwords_come_from_the_login_module_and_are_never_shown() {
    let config = config(&[
        ("kafka.security.protocol", "SASL_SSL"),
        ("kafka.sasl.mechanism", "SCRAM-SHA-512"),
        (
            "kafka.sasl.jaas.config",
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"u\" password=\"hunter2\";",
        ),
    ]);
    assert_eq!(config.property("sasl.username"), Some("u"));
    assert_eq!(config.property("sasl.password"), Some("hunter2"));
    assert!(!format!("{config:?}").contains("hunter2"));
    let text = error(
        Role::Reader,
        &[("kafka.sasl.jaas.config", "Scram required password=hunter2; rest")],
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn iam_is_recognised_however_it_is_written() {
    let server = "b-1.demo.abc123.c2.kafka.eu-central-1.amazonaws.com:9098";
    for more in [
        vec![("kafka.sasl.mechanism", "AWS_MSK_IAM")],
        vec![(
            "kafka.sasl.jaas.config",
            "software.amazon.msk.auth.iam.IAMLoginModule required awsProfileName=\"p\";",
        )],
        vec![
            ("kafka.sasl.mechanism", "OAUTHBEARER"),
            (
                "kafka.sasl.login.callback.handler.class",
                "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler",
            ),
        ],
    ] {
        let mut options = options(&more);
        options.set("kafka.bootstrap.servers", server);
        let config = KafkaConfig::from_options(&options, Role::Reader).unwrap();
        assert_eq!(config.property("sasl.mechanisms"), Some("OAUTHBEARER"));
        assert_eq!(config.property("security.protocol"), Some("SASL_SSL"));
        assert_eq!(config.property("ssl.ca.location"), Some("probe"));
        assert_eq!(config.property("reconnect.backoff.ms"), Some("1000"));
        assert_eq!(config.iam.unwrap().region.as_deref(), Some("eu-central-1"));
    }
    let text = error(Role::Reader, &[("kafka.sasl.mechanism", "OAUTHBEARER")]);
    assert!(text.contains("AWS_MSK_IAM"), "{text}");
}

#[test]
fn fewer_acknowledgements_mean_no_idempotence() {
    let producer = |more: &[(&str, &str)]| KafkaConfig::from_options(&options(more), Role::Producer).unwrap();
    assert_eq!(producer(&[]).property("enable.idempotence"), Some("true"));
    assert_eq!(
        producer(&[("kafka.acks", "1")]).property("enable.idempotence"),
        Some("false")
    );
    assert_eq!(
        producer(&[("kafka.acks", "-1")]).property("enable.idempotence"),
        Some("true")
    );
}

#[test]
fn patience_follows_the_options() {
    let config = config(&[
        ("fetchOffset.numRetries", "1"),
        ("fetchOffset.retryIntervalMs", "200"),
        ("kafka.default.api.timeout.ms", "500"),
    ]);
    assert_eq!(config.patience().total(), Duration::from_millis(1_200));
    let text = error(Role::Admin, &[("fetchOffset.numRetries", "often")]);
    assert!(text.contains("fetchOffset.numRetries"), "{text}");
}
