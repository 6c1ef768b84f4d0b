//! Tokens for MSK's IAM authentication: signed ahead of time by a thread of their own.
//!
//! The client library asks for a token from inside its event loop, where nothing may block for long and where no
//! async runtime can be entered. So a background thread with a small runtime keeps credentials and a signed token
//! ready, and the callback only picks it up.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use parking_lot::{Condvar, Mutex};

/// Whose credentials sign, and for which region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct IamSettings {
    /// The cluster's region; none: what the environment, the profile or the instance says.
    pub(crate) region: Option<String>,
    /// A named profile instead of the default chain.
    pub(crate) profile: Option<String>,
    /// A role to assume.
    pub(crate) role_arn: Option<String>,
    /// The name of that role's session. Kept the same for ever: a broker refuses a principal that changes.
    pub(crate) session_name: Option<String>,
}

/// A signed token.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// Milliseconds since the epoch.
    pub(crate) expires_ms: i64,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}

/// A token is renewed at this interval; it lives 15 minutes, so two renewals may fail without harm.
const RENEW_EVERY: Duration = Duration::from_secs(300);
/// Between failed attempts.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// How long one attempt to get credentials may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the callback waits for the first token: it holds up the client's events meanwhile.
const CALLBACK_WAIT: Duration = Duration::from_secs(10);
/// Credentials are fetched anew when they end sooner than this: a token dies with the credentials that signed it.
const CREDENTIALS_MARGIN: Duration = Duration::from_secs(900);

#[derive(Default)]
struct Shared {
    token: Option<Token>,
    /// Why there is none, or why the last renewal failed.
    failure: Option<String>,
    attempts: u64,
    closed: bool,
}

struct Slot {
    shared: Mutex<Shared>,
    changed: Condvar,
}

/// Keeps one valid token at hand until dropped.
pub(crate) struct TokenSource {
    slot: Arc<Slot>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

impl TokenSource {
    /// The process's source for these settings: clients of the same cluster share credentials and token.
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub(crate) fn shared(settings: &IamSettings) -> std::io::Result<Arc<Self>> {
        // Credentials belong to the process, so their source does too; it ends with the last client that uses it.
        static SOURCES: Mutex<Vec<(IamSettings, Weak<TokenSource>)>> = Mutex::new(Vec::new());
        let mut sources = SOURCES.lock();
        sources.retain(|(_, source)| source.strong_count() > 0);
        if let Some(source) = sources
            .iter()
            .find(|(s, _)| s == settings)
            .and_then(|(_, s)| s.upgrade())
        {
            return Ok(source);
        }
        let source = Arc::new(Self::start(Chain::Default(settings.clone()))?);
        sources.push((settings.clone(), Arc::downgrade(&source)));
        Ok(source)
    }

    fn start(chain: Chain) -> std::io::Result<Self> {
        let slot = Arc::new(Slot {
            shared: Mutex::default(),
            changed: Condvar::new(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("kafka-iam".to_owned()).spawn({
            let slot = Arc::clone(&slot);
            move || renew_until_closed(&slot, &runtime, chain)
        })?;
        Ok(Self { slot })
    }

    /// A token valid for at least half a minute, waiting for the first one a few seconds.
    ///
    /// # Errors
    /// Why there is none, without secrets.
    pub(crate) fn current(&self) -> Result<Token, String> {
        let deadline = Instant::now() + CALLBACK_WAIT;
        let mut shared = self.slot.shared.lock();
        loop {
            if let Some(token) = shared
                .token
                .as_ref()
                .filter(|token| token.expires_ms > now_ms() + 30_000)
            {
                return Ok(token.clone());
            }
            // A failure that is already known is told at once: the library asks again in ten seconds.
            if let Some(failure) = &shared.failure {
                return Err(failure.clone());
            }
            if self.slot.changed.wait_until(&mut shared, deadline).timed_out() {
                return Err(format!("no AWS credentials within {} s", CALLBACK_WAIT.as_secs()));
            }
        }
    }
}

impl Drop for TokenSource {
    fn drop(&mut self) {
        self.slot.shared.lock().closed = true;
        self.slot.changed.notify_all();
    }
}

fn renew_until_closed(slot: &Slot, runtime: &tokio::runtime::Runtime, chain: Chain) {
    let mut signer = Signer {
        chain,
        provider: None,
        credentials: None,
    };
    loop {
        let outcome = runtime.block_on(async {
            tokio::time::timeout(ATTEMPT_TIMEOUT, signer.token())
                .await
                .unwrap_or_else(|_| Err(format!("no AWS credentials within {} s", ATTEMPT_TIMEOUT.as_secs())))
        });
        let mut shared = slot.shared.lock();
        shared.attempts += 1;
        let mut pause = RENEW_EVERY;
        match outcome {
            Ok(token) => {
                shared.token = Some(token);
                shared.failure = None;
            }
            Err(failure) => {
                tracing::warn!(target: "kafka", "cannot sign an MSK token: {failure}");
                shared.failure = Some(failure);
                pause = RETRY_EVERY;
            }
        }
        slot.changed.notify_all();
        let deadline = Instant::now() + pause;
        while !shared.closed && !slot.changed.wait_until(&mut shared, deadline).timed_out() {}
        if shared.closed {
            return;
        }
    }
}

/// Where credentials come from.
enum Chain {
    /// AWS's default chain, or what the settings name.
    Default(IamSettings),
    /// A given provider.
    #[cfg(test)]
    Given(Region, SharedCredentialsProvider),
}

struct Signer {
    chain: Chain,
    provider: Option<(Region, SharedCredentialsProvider)>,
    credentials: Option<Credentials>,
}

impl Signer {
    async fn token(&mut self) -> Result<Token, String> {
        if self.provider.is_none() {
            self.provider = Some(self.chain.resolve().await?);
        }
        let Some((region, provider)) = &self.provider else {
            return Err("no AWS credentials".to_owned());
        };
        let fresh = |credentials: &Credentials| {
            credentials
                .expiry()
                .is_none_or(|at| at > SystemTime::now() + CREDENTIALS_MARGIN)
        };
        let credentials = match self.credentials.take().filter(fresh) {
            Some(credentials) => credentials,
            None => provider
                .provide_credentials()
                .await
                .map_err(|error| format!("no AWS credentials: {}", chain_of(&error)))?,
        };
        let signed = aws_msk_iam_sasl_signer::generate_auth_token_from_credentials_provider(
            region.clone(),
            SharedCredentialsProvider::new(credentials.clone()),
        )
        .await;
        let expiry = credentials.expiry();
        self.credentials = Some(credentials);
        let (text, signed_until_ms) = signed.map_err(|error| chain_of(&error))?;
        let expires_ms = expiry.map_or(signed_until_ms, |at| signed_until_ms.min(epoch_ms(at)));
        Ok(Token { text, expires_ms })
    }
}

impl Chain {
    async fn resolve(&self) -> Result<(Region, SharedCredentialsProvider), String> {
        match self {
            Self::Default(settings) => resolve_default(settings).await,
            #[cfg(test)]
            Self::Given(region, provider) => Ok((region.clone(), provider.clone())),
        }
    }
}

async fn resolve_default(settings: &IamSettings) -> Result<(Region, SharedCredentialsProvider), String> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    let config: SdkConfig = loader.load().await;
    let region = config
        .region()
        .cloned()
        .ok_or("the AWS region is not known: set option 'kafka.aws.region' or the environment variable AWS_REGION")?;
    let provider = config
        .credentials_provider()
        .ok_or("no AWS credentials are configured")?;
    let Some(role_arn) = &settings.role_arn else {
        return Ok((region, provider));
    };
    let session = settings.session_name.as_deref().unwrap_or("millstream");
    let role = aws_config::sts::AssumeRoleProvider::builder(role_arn)
        .configure(&config)
        .session_name(session)
        .build()
        .await;
    Ok((region, SharedCredentialsProvider::new(role)))
}

/// An error and its causes in one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn epoch_ms(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn now_ms() -> i64 {
    epoch_ms(SystemTime::now())
}

#[cfg(test)]
#[path = "iam_tests.rs"]
mod tests;
