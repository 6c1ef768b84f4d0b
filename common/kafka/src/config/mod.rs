//! From the options of a source or sink to the settings of a librdkafka client.

mod defaults;
mod jaas;
mod translate;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_common::options::{OptionError, Options, is_secret, nearest};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError as ClientError;

use crate::context::{Context, Health};
use crate::error::KafkaError;
use crate::iam::{IamSettings, TokenSource};

/// What a client is for; decides its defaults and which options it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads ranges of a source's partitions.
    Reader,
    /// Asks for topics and offsets of a source.
    Admin,
    /// Writes a sink's records.
    Producer,
}

/// How long to go on asking for metadata and offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Attempts in all: `fetchOffset.numRetries` and one.
    pub(crate) attempts: u32,
    /// Pause between attempts: `fetchOffset.retryIntervalMs`.
    pub(crate) pause: Duration,
    /// How long one attempt may take: `kafka.default.api.timeout.ms`, or 10 s.
    pub(crate) attempt: Duration,
}

impl Patience {
    /// The longest that all attempts together may take.
    pub(crate) fn total(&self) -> Duration {
        self.attempt * self.attempts + self.pause * self.attempts.saturating_sub(1)
    }
}

/// Checked settings of one kind of client for one cluster. Cheap to clone; printing it shows no secret.
#[derive(Clone)]
pub struct KafkaConfig {
    role: Role,
    servers: String,
    /// By the library's names.
    properties: BTreeMap<String, String>,
    iam: Option<IamSettings>,
    patience: Patience,
    /// Instead of the process's source.
    #[cfg(test)]
    tokens: Option<Arc<TokenSource>>,
}

impl KafkaConfig {
    /// Reads `kafka.*` (and `fetchOffset.*`) from the options of a source or sink.
    ///
    /// Names are those of Kafka's Java client, as Spark takes them; librdkafka's own names work too. What only a Java client has is
    /// ignored with a warning, what cannot work here is refused with what to write instead.
    ///
    /// # Errors
    /// `KafkaError::Option` naming the option: required and missing, forbidden, unknown, or with a value that does not fit.
    pub fn from_options(options: &Options, role: Role) -> Result<Self, KafkaError> {
        let servers = options.require(
            "kafka.bootstrap.servers",
            "host:port of one or more brokers, separated by commas",
        )?;
        let servers: Vec<&str> = servers.split(',').map(str::trim).filter(|s| !s.is_empty()).collect();
        if servers.is_empty() {
            return Err(options
                .invalid("kafka.bootstrap.servers", "host:port[,host:port...]")
                .into());
        }
        let servers = servers.join(",");

        let given = given_properties(options);
        let translated = translate::translate(&given, role)?;
        let mut properties = defaults::for_role(role);
        if translated.iam.is_some() {
            properties.extend(defaults::for_iam());
        }
        properties.extend(translated.properties);
        defaults::adjust(&mut properties, role);
        properties.insert("bootstrap.servers".to_owned(), servers.clone());

        let mut iam = translated.iam;
        if let Some(iam) = &mut iam
            && iam.region.is_none()
        {
            iam.region = region_of(&servers).map(str::to_owned);
        }
        let config = Self {
            role,
            patience: patience(options, &given)?,
            servers,
            properties,
            iam,
            #[cfg(test)]
            tokens: None,
        };
        config.check(&given)?;
        Ok(config)
    }

    /// `kafka.bootstrap.servers`, for messages.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.servers
    }

    /// What the client is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The value of a property by librdkafka's name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// The same settings with one property changed, by librdkafka's name.
    #[must_use]
    pub fn with_property(mut self, name: &str, value: impl Into<String>) -> Self {
        self.properties.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Creates a client. The health is where its connections' complaints go.
    ///
    /// # Errors
    /// `KafkaError::Client` when the library refuses the settings.
    pub(crate) fn create<T>(&self, health: &Arc<Health>) -> Result<T, KafkaError>
    where
        T: FromClientConfigAndContext<Context>,
    {
        let context = Context::new(Arc::clone(health), self.tokens()?);
        self.create_in(context)
    }

    /// Creates a client with a context of its own kind.
    ///
    /// # Errors
    /// `KafkaError::Client` when the library refuses the settings.
    pub(crate) fn create_in<C, T>(&self, context: C) -> Result<T, KafkaError>
    where
        C: ClientContext,
        T: FromClientConfigAndContext<C>,
    {
        self.native()
            .create_with_context(context)
            .map_err(|error| self.client_error(self.describe(&error)))
    }

    /// The source of tokens, when this cluster wants them.
    ///
    /// # Errors
    /// `KafkaError::Client` when its thread cannot be started.
    pub(crate) fn tokens(&self) -> Result<Option<Arc<TokenSource>>, KafkaError> {
        #[cfg(test)]
        if self.tokens.is_some() {
            return Ok(self.tokens.clone());
        }
        self.iam
            .as_ref()
            .map(TokenSource::shared)
            .transpose()
            .map_err(|error| self.client_error(error.to_string()))
    }

    #[cfg(test)]
    pub(crate) fn with_tokens(mut self, tokens: TokenSource) -> Self {
        self.tokens = Some(Arc::new(tokens));
        self
    }

    pub(crate) fn client_error(&self, reason: String) -> KafkaError {
        KafkaError::Client {
            servers: self.servers.clone(),
            reason,
        }
    }

    fn native(&self) -> ClientConfig {
        let mut native = ClientConfig::new();
        native.extend(self.properties.clone());
        native.set_log_level(RDKafkaLogLevel::Warning);
        native
    }

    /// Has the library check names and values, and says what is wrong in the user's terms.
    fn check(&self, given: &BTreeMap<String, Given>) -> Result<(), KafkaError> {
        let Err(error) = self.native().create_native_config() else {
            return Ok(());
        };
        let ClientError::ClientConfig(_, reason, key, _) = &error else {
            return Err(self.client_error(self.describe(&error)));
        };
        let as_given = given
            .get(key)
            .map_or_else(|| format!("kafka.{key}"), |given| given.name.clone());
        if reason.contains("No such configuration property") {
            let near = nearest(key, translate::COMMON_NAMES).map(|name| format!("kafka.{name}"));
            return Err(OptionError::Unknown { name: as_given, near }.into());
        }
        Err(OptionError::Invalid {
            value: match self.properties.get(key) {
                Some(value) if !is_secret(key) => value.clone(),
                _ => "***".to_owned(),
            },
            expected: format!(
                "a value that librdkafka accepts ({})",
                redact(reason, key, &self.properties)
            ),
            name: as_given,
        }
        .into())
    }

    fn describe(&self, error: &ClientError) -> String {
        match error {
            ClientError::ClientConfig(_, reason, key, _) => format!("{key}: {}", redact(reason, key, &self.properties)),
            ClientError::ClientCreation(reason) => reason.clone(),
            other => other.to_string(),
        }
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: BTreeMap<&str, &str> = self
            .properties
            .iter()
            .map(|(name, value)| (name.as_str(), if is_secret(name) { "***" } else { value.as_str() }))
            .collect();
        f.debug_struct("KafkaConfig")
            .field("role", &self.role)
            .field("properties", &shown)
            .field("iam", &self.iam)
            .field("patience", &self.patience)
            .finish()
    }
}

/// A `kafka.*` option.
pub(crate) struct Given {
    /// As the user wrote it.
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The `kafka.*` options by lower-case name without the prefix.
fn given_properties(options: &Options) -> BTreeMap<String, Given> {
    options
        .iter()
        .filter_map(|(name, value)| {
            let property = name.to_ascii_lowercase().strip_prefix("kafka.")?.to_owned();
            let (name, value) = (name.to_owned(), value.trim().to_owned());
            (property != "bootstrap.servers").then_some((property, Given { name, value }))
        })
        .collect()
}

fn patience(options: &Options, given: &BTreeMap<String, Given>) -> Result<Patience, KafkaError> {
    let retries: Option<u32> = options.parse("fetchOffset.numRetries", "a number of attempts")?;
    let pause: Option<u64> = options.parse("fetchOffset.retryIntervalMs", "milliseconds")?;
    let attempt: u64 = match given.get("default.api.timeout.ms") {
        Some(given) => given
            .value
            .parse()
            .map_err(|_| options.invalid(&given.name, "milliseconds"))?,
        None => 10_000,
    };
    Ok(Patience {
        attempts: retries.unwrap_or(3).saturating_add(1),
        pause: Duration::from_millis(pause.unwrap_or(1_000)),
        attempt: Duration::from_millis(attempt.max(100)),
    })
}

/// The library's message without the value, if the value is a secret.
fn redact(reason: &str, key: &str, properties: &BTreeMap<String, String>) -> String {
    match properties.get(key) {
        Some(value) if is_secret(key) && !value.is_empty() => reason.replace(value.as_str(), "***"),
        _ => reason.to_owned(),
    }
}

/// The region in the name of an MSK broker: `b-1.demo.abc123.c2.kafka.eu-central-1.amazonaws.com:9098`.
fn region_of(servers: &str) -> Option<&str> {
    servers.split(',').find_map(|server| {
        let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
        let parts: Vec<&str> = host.split('.').collect();
        let service = parts
            .iter()
            .position(|part| *part == "kafka" || *part == "kafka-serverless")?;
        let is_aws = parts.get(service + 2) == Some(&"amazonaws");
        parts.get(service + 1).copied().filter(|_| is_aws)
    })
}

#[cfg(test)]
mod tests;
