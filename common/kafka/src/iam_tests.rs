use std::collections::BTreeMap;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::*;

const REGION: &str = "eu-central-1";

fn credentials(expires_in: Option<Duration>) -> Credentials {
    let expiry = expires_in.map(|after| SystemTime::now() + after);
    Credentials::new(
        "AKIDEXAMPLE",
        "not/a+real=secret",
        Some("session+token/=".to_owned()),
        expiry,
        "test",
    )
}

fn source(provider: SharedCredentialsProvider) -> TokenSource {
    TokenSource::start(Chain::Given(Region::new(REGION), provider)).unwrap()
}

/// The parameters of the signed address in a token.
fn parameters(token: &str) -> (String, BTreeMap<String, String>) {
    let address = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    let (base, query) = address.split_once('?').unwrap();
    let pairs = query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (decode(name), decode(value))
    });
    (base.to_owned(), pairs.collect())
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let (hex, tail) = rest.split_at(2);
                bytes.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                rest = tail;
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What a broker would compute for the time in the token.
fn signature(signer: Credentials, date: &str) -> String {
    let at = chrono_free_epoch(date);
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(900));
    let identity = signer.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("kafka-cluster")
        .time(UNIX_EPOCH + Duration::from_secs(at))
        .settings(settings)
        .build()
        .unwrap();
    let request = SignableRequest::new(
        "GET",
        "https://kafka.eu-central-1.amazonaws.com/?Action=kafka-cluster%3AConnect",
        std::iter::empty(),
        SignableBody::Bytes(&[]),
    )
    .unwrap();
    sign(request, &params.into()).unwrap().into_parts().1
}

/// Seconds since the epoch of `20260102T030405Z`, by counting days.
fn chrono_free_epoch(date: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| date[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + number(9..11) * 3_600 + number(11..13) * 60 + number(13..15)).unwrap()
}

#[test]
fn a_token_is_what_a_broker_expects() {
    let source = source(SharedCredentialsProvider::new(credentials(None)));
    let token = source.current().unwrap();
    let (base, query) = parameters(&token.text);
    assert_eq!(base, "https://kafka.eu-central-1.amazonaws.com/");
    assert_eq!(query["Action"], "kafka-cluster:Connect");
    assert_eq!(query["X-Amz-Algorithm"], "AWS4-HMAC-SHA256");
    assert_eq!(query["X-Amz-SignedHeaders"], "host");
    assert_eq!(query["X-Amz-Security-Token"], "session+token/=");
    let date = &query["X-Amz-Date"];
    let scope = format!("AKIDEXAMPLE/{}/{REGION}/kafka-cluster/aws4_request", &date[..8]);
    assert_eq!(query["X-Amz-Credential"], scope);
    assert_eq!(query["X-Amz-Expires"], "900");
    assert!(query.contains_key("User-Agent"));
    assert_eq!(
        token.expires_ms,
        i64::try_from(chrono_free_epoch(date)).unwrap() * 1_000 + 900_000
    );
    assert!((token.expires_ms - now_ms() - 900_000).abs() < 5_000);

    assert_eq!(query["X-Amz-Signature"], signature(credentials(None), date));
    let other = Credentials::new(
        "AKIDEXAMPLE",
        "another",
        Some("session+token/=".to_owned()),
        None,
        "test",
    );
    assert_ne!(query["X-Amz-Signature"], signature(other, date));
}

#[test]
fn a_token_ends_with_its_credentials() {
    let provider = SharedCredentialsProvider::new(credentials(Some(Duration::from_secs(300))));
    let token = source(provider).current().unwrap();
    assert!((token.expires_ms - now_ms() - 300_000).abs() < 5_000);
}

#[derive(Debug)]
struct Broken;

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("the instance has no role")))
    }
}

#[test]
fn a_failure_is_told_and_not_waited_for() {
    let source = source(SharedCredentialsProvider::new(Broken));
    let started = Instant::now();
    let failure = source.current().unwrap_err();
    assert!(
        failure.contains("no AWS credentials") && failure.contains("the instance has no role"),
        "{failure}"
    );
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_token_is_picked_up_inside_any_runtime() {
    let source = source(SharedCredentialsProvider::new(credentials(None)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // No await: as the library's callback would be called from an async function.
        source.current().unwrap();
    });
    let token = source.current().unwrap();
    assert!(!format!("{token:?}").contains(&token.text), "tokens are not shown");
}

/// A listener that speaks as much of Kafka's protocol as it takes to receive a token, and refuses it.
fn refusing_broker() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tokens, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let tokens = tokens.clone();
            std::thread::spawn(move || refuse(connection.unwrap(), &tokens));
        }
    });
    (address, received)
}

/// Answers requests until the client goes: none when it has.
fn refuse(mut stream: std::net::TcpStream, tokens: &std::sync::mpsc::Sender<String>) -> Option<()> {
    use std::io::{Read, Write};
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut request).ok()?;
        let kind = i16::from_be_bytes([request[0], request[1]]);
        let version = i16::from_be_bytes([request[2], request[3]]);
        let mut answer = request[4..8].to_vec();
        match (kind, version) {
            // ApiVersions: first that this version is not known, in version 0; then what there is.
            (18, 1..) => answer.extend([0, 35, 0, 0, 0, 0]),
            (18, _) => {
                answer.extend([0, 0, 0, 0, 0, 4]);
                for (key, low, high) in [(3_i16, 0_i16, 2_i16), (17, 0, 1), (18, 0, 0), (36, 0, 0)] {
                    answer.extend([key, low, high].iter().flat_map(|n| n.to_be_bytes()));
                }
            }
            // SaslHandshake: the one mechanism.
            (17, _) => {
                answer.extend([0, 0, 0, 0, 0, 1, 0, 11]);
                answer.extend(b"OAUTHBEARER");
            }
            // SaslAuthenticate: refused, with a text.
            (36, _) => {
                let sent = String::from_utf8_lossy(&request).into_owned();
                let bearer = sent.split_once("auth=Bearer ").unwrap().1;
                tokens.send(bearer.trim_end_matches('\u{1}').to_owned()).ok()?;
                let text = b"the principal may not connect";
                answer.extend([0, 58, 0, u8::try_from(text.len()).unwrap()]);
                answer.extend(text);
                answer.extend([0, 0, 0, 0]);
            }
            _ => return None,
        }
        let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &answer].concat()).ok()?;
    }
}

#[tokio::test]
async fn every_client_sends_a_token_and_tells_the_brokers_refusal() {
    let (servers, tokens) = refusing_broker();
    let config = |role| {
        let more = [
            ("kafka.sasl.mechanism", "AWS_MSK_IAM"),
            ("kafka.security.protocol", "SASL_PLAINTEXT"),
            ("kafka.default.api.timeout.ms", "2500"),
            ("kafka.reconnect.backoff.ms", "100"),
        ];
        crate::testing::config(&servers, role, &more)
            .with_tokens(source(SharedCredentialsProvider::new(credentials(None))))
    };
    let next_token = || tokens.recv_timeout(Duration::from_secs(10)).unwrap();
    let told = |error: crate::KafkaError| {
        assert_eq!(
            error.class(),
            millstream_common::domain::failure::FailureClass::External
        );
        let text = error.to_string();
        assert!(
            text.contains("the principal may not connect") && text.contains("kafka-cluster:Connect"),
            "{text}"
        );
        assert!(!text.contains("X-Amz"), "{text}");
    };

    let admin = crate::Admin::open(&config(crate::Role::Admin)).unwrap();
    let topics = crate::Subscription::Topics(vec!["t".to_owned()]);
    told(admin.partitions(&topics).await.unwrap_err());
    let (_, query) = parameters(&next_token());
    assert_eq!(
        query["X-Amz-Signature"],
        signature(credentials(None), &query["X-Amz-Date"])
    );
    while tokens.try_recv().is_ok() {}

    let spec = crate::TopicSpec {
        name: "t".to_owned(),
        partitions: 1,
        replication: 1,
        config: BTreeMap::new(),
    };
    let creating = admin.create_topics(std::slice::from_ref(&spec));
    assert!(
        tokio::time::timeout(Duration::from_secs(30), creating)
            .await
            .unwrap()
            .is_err()
    );
    drop(admin);

    let reader = crate::SourceReader::open(&config(crate::Role::Reader), "g").unwrap();
    let range = crate::testing::range("t", 0, 0, 1);
    told(crate::testing::read_with(&reader, &range, true, Duration::from_secs(2)).unwrap_err());
    drop(reader);
    while tokens.try_recv().is_ok() {}

    let sender = crate::Sender::open(&config(crate::Role::Producer)).unwrap();
    sender.send("t", None, None, Some(b"v"), &[]).unwrap();
    told(sender.flush(Duration::from_secs(3)).unwrap_err());
    next_token();
}
