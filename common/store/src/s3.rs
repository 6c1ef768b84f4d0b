//! A prefix of an S3 bucket.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::path::Path;
use object_store::{BackoffConfig, CredentialProvider, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig};
use tokio::sync::{Mutex, OnceCell};

use crate::error::{Cause, Operation, StoreError};
use crate::{Backend, Created, ObjectInfo};

/// Attempts of the client itself on what may be repeated: with its growing pauses some ten seconds.
const RETRIES: usize = 6;
const RETRY_TIMEOUT: Duration = Duration::from_secs(45);
/// Attempts of a conditional write whose outcome is not known.
const CREATE_ATTEMPTS: u32 = 5;
/// Pause before the second attempt; doubles with each.
const CREATE_PAUSE: Duration = Duration::from_millis(100);
/// Credentials are renewed this long before they end.
const RENEW_AHEAD: Duration = Duration::from_secs(300);
/// The region assumed for an endpoint of one's own, where any will do.
const CUSTOM_ENDPOINT_REGION: &str = "us-east-1";

#[derive(Debug)]
pub(crate) struct Bucket {
    name: String,
    prefix: String,
    /// Made at first use: finding region and credentials may ask the instance's metadata service.
    client: OnceCell<Arc<dyn ObjectStore>>,
}

impl Bucket {
    pub(crate) fn new(name: String, prefix: String) -> Self {
        Self {
            name,
            prefix,
            client: OnceCell::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        let key = self.key(path);
        format!("s3://{}/{key}", self.name)
    }

    fn key(&self, path: &str) -> String {
        match (self.prefix.as_str(), path) {
            ("", path) => path.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, path) => format!("{prefix}/{path}"),
        }
    }

    fn object(&self, operation: Operation, path: &str) -> Result<Path, StoreError> {
        Path::parse(self.key(path)).map_err(|error| self.failed(operation, path, error.into()))
    }

    fn failed(&self, operation: Operation, path: &str, error: object_store::Error) -> StoreError {
        StoreError::Failed {
            operation,
            path: self.url(path),
            cause: cause_of(&error),
            source: Box::new(error),
        }
    }

    async fn client(&self, operation: Operation, path: &str) -> Result<&Arc<dyn ObjectStore>, StoreError> {
        self.client
            .get_or_try_init(|| Box::pin(connect(&self.name)))
            .await
            .map_err(|(cause, source)| StoreError::Failed {
                operation,
                path: self.url(path),
                cause,
                source,
            })
    }
}

#[async_trait]
impl Backend for Bucket {
    async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        let client = self.client(Operation::Read, path).await?;
        let object = self.object(Operation::Read, path)?;
        let bytes = async { client.get(&object).await?.bytes().await };
        match bytes.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error @ object_store::Error::NotFound { .. }) if cause_of(&error) == Cause::NotFound => Ok(None),
            Err(error) => Err(self.failed(Operation::Read, path, error)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectInfo>, StoreError> {
        let client = self.client(Operation::List, folder).await?;
        let key = self.key(folder);
        let prefix = if key.is_empty() {
            None
        } else {
            Some(self.object(Operation::List, folder)?)
        };
        let below = if self.prefix.is_empty() {
            String::new()
        } else {
            format!("{}/", self.prefix)
        };
        client
            .list(prefix.as_ref())
            .map_err(|error| self.failed(Operation::List, folder, error))
            .try_filter_map(|meta| {
                let info = meta.location.as_ref().strip_prefix(&below).map(|path| ObjectInfo {
                    path: path.to_owned(),
                    size: meta.size,
                    modified_ms: meta.last_modified.timestamp_millis(),
                });
                async move { Ok(info) }
            })
            .try_collect()
            .await
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let client = self.client(Operation::Write, path).await?;
        let object = self.object(Operation::Write, path)?;
        match client.put(&object, PutPayload::from(bytes)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(Operation::Write, path, error)),
        }
    }

    async fn create(&self, path: &str, bytes: Bytes) -> Result<Created, StoreError> {
        let client = self.client(Operation::Write, path).await?;
        let object = self.object(Operation::Write, path)?;
        let mut pause = CREATE_PAUSE;
        let mut attempt = 1;
        loop {
            let put = client.put_opts(&object, PutPayload::from(bytes.clone()), PutMode::Create.into());
            let error = match put.await {
                Ok(_) => return Ok(Created::Now),
                Err(error) => error,
            };
            if !is_undecided(&error) {
                return Err(self.failed(Operation::Write, path, error));
            }
            // The object may be another's, or our own whose answer was lost: what is there now decides.
            match self.read(path).await {
                Ok(Some(found)) if found == bytes => return Ok(Created::Now),
                Ok(Some(_)) => return Ok(Created::AlreadyExists),
                Ok(None) if attempt < CREATE_ATTEMPTS => {}
                Ok(None) => return Err(self.failed(Operation::Write, path, error)),
                Err(read_error) => return Err(read_error),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn delete_many(&self, paths: &[String]) -> Result<(), StoreError> {
        let Some(first) = paths.first() else { return Ok(()) };
        let client = self.client(Operation::Delete, first).await?;
        let mut objects = Vec::with_capacity(paths.len());
        for path in paths {
            objects.push(Ok(self.object(Operation::Delete, path)?));
        }
        let mut results = client.delete_stream(futures::stream::iter(objects).boxed());
        while let Some(result) = results.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(Operation::Delete, first, error)),
            }
        }
        Ok(())
    }

    async fn remove_all(&self) -> Result<(), StoreError> {
        let paths: Vec<String> = self.list("").await?.into_iter().map(|info| info.path).collect();
        self.delete_many(&paths).await
    }
}

/// Whether a conditional write that failed so may have happened, or may be tried again.
fn is_undecided(error: &object_store::Error) -> bool {
    use object_store::Error;
    match error {
        Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. } => true,
        error => cause_of(error) == Cause::Unavailable,
    }
}

fn cause_of(error: &object_store::Error) -> Cause {
    use object_store::Error;
    let text = chain_text(error);
    match error {
        _ if text.contains("NoSuchBucket") => Cause::NoSuchBucket,
        Error::NotFound { .. } => Cause::NotFound,
        Error::PermissionDenied { .. } => Cause::PermissionDenied,
        Error::Unauthenticated { .. } => Cause::NoCredentials,
        Error::Generic { .. } if text.contains(NO_CREDENTIALS) => Cause::NoCredentials,
        Error::Generic { .. } => Cause::Unavailable,
        _ => Cause::Other,
    }
}

fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

type ConnectError = (Cause, Box<dyn std::error::Error + Send + Sync>);

/// Makes the client of a bucket from the environment.
async fn connect(bucket: &str) -> Result<Arc<dyn ObjectStore>, ConnectError> {
    let builder = AmazonS3Builder::from_env();
    let value = |key| builder.get_config_value(&key);
    let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
    let unsigned = value(AmazonS3ConfigKey::SkipSignature).is_some_and(|text| text == "true");
    // The SDK's chain knows profiles, containers and the instance's metadata alike, for region and credentials.
    let aws = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
    let region = match (aws.region(), &endpoint) {
        (Some(region), _) => region.to_string(),
        (None, Some(_)) => CUSTOM_ENDPOINT_REGION.to_owned(),
        (None, None) => {
            return Err((
                Cause::NoRegion,
                "neither AWS_REGION nor the instance's metadata names one".into(),
            ));
        }
    };
    let mut builder = builder
        .with_bucket_name(bucket)
        .with_region(region)
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_TIMEOUT,
            backoff: BackoffConfig::default(),
        });
    if endpoint.is_some_and(|url| url.starts_with("http://")) {
        // Who names an endpoint without TLS means it.
        builder = builder.with_allow_http(true);
    }
    if !unsigned {
        let provider = aws
            .credentials_provider()
            .ok_or_else(|| (Cause::NoCredentials, NO_CREDENTIALS.into()))?;
        builder = builder.with_credentials(Arc::new(Credentials {
            provider,
            current: Mutex::new(None),
        }));
    }
    let client = builder.build().map_err(|error| (cause_of(&error), error.into()))?;
    Ok(Arc::new(client))
}

/// Marks the errors of [`Credentials`] among those of the client, which has only text for them.
const NO_CREDENTIALS: &str = "no AWS credentials";

/// The SDK's credentials for the object store's client, renewed ahead of their end.
struct Credentials {
    provider: SharedCredentialsProvider,
    current: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut current = self.current.lock().await;
        let now = SystemTime::now();
        if let Some((credential, ends)) = current.as_ref()
            && ends.is_none_or(|ends| now + RENEW_AHEAD < ends)
        {
            return Ok(Arc::clone(credential));
        }
        let fresh = match self.provider.provide_credentials().await {
            Ok(fresh) => fresh,
            // Those at hand may still do for a while.
            Err(error) => match current.as_ref() {
                Some((credential, ends)) if ends.is_none_or(|ends| now < ends) => return Ok(Arc::clone(credential)),
                _ => {
                    return Err(object_store::Error::Generic {
                        store: "S3",
                        source: format!("{NO_CREDENTIALS}: {}", chain_text(&error)).into(),
                    });
                }
            },
        };
        let credential = Arc::new(AwsCredential {
            key_id: fresh.access_key_id().to_owned(),
            secret_key: fresh.secret_access_key().to_owned(),
            token: fresh.session_token().map(str::to_owned),
        });
        *current = Some((Arc::clone(&credential), fresh.expiry()));
        Ok(credential)
    }
}
