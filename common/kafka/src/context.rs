//! What every client tells its surroundings: log lines, broker errors, requests for a token.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::util::Timeout;

use crate::iam::TokenSource;

/// What is wrong with the connections to the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which of the usual causes it is.
    pub kind: ProblemKind,
    /// The client library's own words: which broker, what failed.
    pub text: String,
}

/// The usual causes, the less telling first: a later one hides an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// Something else.
    Other,
    /// The connection broke or timed out.
    Transport,
    /// Nothing listens at the address.
    Refused,
    /// The host's name is not known.
    Resolve,
    /// TLS could not be agreed on.
    Tls,
    /// The broker does not accept the credentials.
    Authentication,
}

impl ProblemKind {
    /// What to check.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Other => "check the brokers' own log",
            Self::Transport => {
                "check that the address can be reached from this host (route, security group) and that \
                 'kafka.security.protocol' is the one of that port"
            }
            Self::Refused => {
                "nothing listens there: check that the broker is up and the port in 'kafka.bootstrap.servers'"
            }
            Self::Resolve => "check the host names in 'kafka.bootstrap.servers'",
            Self::Tls => {
                "check that the port speaks TLS and that 'kafka.ssl.ca.location' names the authority that signed the \
                 broker's certificate"
            }
            Self::Authentication => {
                "check the credentials ('kafka.sasl.*', or the IAM role and its kafka-cluster:Connect permission) and \
                 that this port accepts the mechanism"
            }
        }
    }

    fn of(code: RDKafkaErrorCode, text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        match code {
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => Self::Authentication,
            RDKafkaErrorCode::SSL => Self::Tls,
            RDKafkaErrorCode::Resolve => Self::Resolve,
            _ if text.contains("connection refused") => Self::Refused,
            _ if text.contains("ssl handshake") || text.contains("certificate") => Self::Tls,
            _ if text.contains("sasl") && text.contains("auth") => Self::Authentication,
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut => Self::Transport,
            _ => Self::Other,
        }
    }
}

/// How long a complaint counts as the explanation of a time-out.
const PROBLEM_LIFE: Duration = Duration::from_secs(90);

/// The last telling complaint of one client's connections; shared by the client and whoever waits for it.
#[derive(Debug, Default)]
pub(crate) struct Health {
    last: Mutex<Option<(Instant, Problem)>>,
}

impl Health {
    /// The complaint that best explains why nothing comes.
    pub(crate) fn problem(&self) -> Option<Box<Problem>> {
        let last = self.last.lock();
        last.as_ref()
            .filter(|(at, _)| at.elapsed() < PROBLEM_LIFE)
            .map(|(_, problem)| Box::new(problem.clone()))
    }

    /// Forgets complaints: something was answered.
    pub(crate) fn clear(&self) {
        *self.last.lock() = None;
    }

    fn note(&self, kind: ProblemKind, text: &str) {
        let mut last = self.last.lock();
        let hides = last
            .as_ref()
            .is_none_or(|(at, problem)| kind >= problem.kind || at.elapsed() >= PROBLEM_LIFE);
        if hides {
            // "(after 0ms in state CONNECT, 17 identical error(s) suppressed)" is for the library's authors.
            let text = text.split(" (after ").next().unwrap_or(text).to_owned();
            *last = Some((Instant::now(), Problem { kind, text }));
        }
    }
}

/// The context of consumers, producers and admin clients.
pub(crate) struct Context {
    health: Arc<Health>,
    tokens: Option<Arc<TokenSource>>,
}

impl Context {
    pub(crate) fn new(health: Arc<Health>, tokens: Option<Arc<TokenSource>>) -> Self {
        Self { health, tokens }
    }

    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The library repeats connection errors for as long as they last and reports each through `error` too.
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::warn!(target: "kafka", facility, "{message}");
            }
            _ => tracing::debug!(target: "kafka", facility, "{message}"),
        }
    }

    fn error(&self, error: ClientError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else {
            return;
        };
        match code {
            // An end of a partition is no error; "all brokers down" only says that the others have been said.
            RDKafkaErrorCode::PartitionEOF => return,
            RDKafkaErrorCode::AllBrokersDown if self.health.problem().is_some() => return,
            _ => {}
        }
        let kind = ProblemKind::of(code, reason);
        tracing::debug!(target: "kafka", ?kind, "{reason}");
        self.health.note(kind, reason);
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let Some(tokens) = &self.tokens else {
            return Err("no source of tokens is configured".into());
        };
        match tokens.current() {
            Ok(token) => Ok(OAuthToken {
                token: token.text,
                // MSK takes the principal from the signature.
                principal_name: String::new(),
                lifetime_ms: token.expires_ms,
            }),
            Err(reason) => {
                self.health.note(ProblemKind::Authentication, &reason);
                Err(reason.into())
            }
        }
    }
}

impl ConsumerContext for Context {
    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_millis(250))
    }
}
