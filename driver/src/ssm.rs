//! Values from AWS Systems Manager's Parameter Store: what `${ssm:/path}` in a job stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameters::GetParametersError;
use millstream_common::domain::failure::FailureClass;
use thiserror::Error;

/// The service takes this many names in one call.
const NAMES_PER_CALL: usize = 10;

/// A value that is never printed: parameters may be encrypted for a reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself. Not for logs, messages or plans that are shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value itself, taken out.
    #[must_use]
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Parameters that could not be had. Messages name parameters, never values.
#[derive(Debug, Error)]
pub enum SsmError {
    /// No such parameters in this account and region.
    #[error(
        "no such parameter in Parameter Store ({region}): {}; create it with `aws ssm put-parameter --region {region} --name {} --type String --value ...`, or check name and region",
        .names.join(", "),
        .names.first().map_or("NAME", String::as_str)
    )]
    NotFound {
        /// The names, all of those that are missing.
        names: Vec<String>,
        /// The region asked.
        region: String,
    },
    /// The caller may not read them.
    #[error("not allowed to read {}: give this role ssm:GetParameters on them, and kms:Decrypt on the key of encrypted ones", .names.join(", "))]
    AccessDenied {
        /// The names asked for.
        names: Vec<String>,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service refused for too many calls, also after retries.
    #[error("Parameter Store refused {} for too many requests: try again later", .names.join(", "))]
    Throttled {
        /// The names asked for.
        names: Vec<String>,
    },
    /// No credentials were found.
    #[error("no AWS credentials to read {}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE), or give the instance a role", .names.join(", "))]
    NoCredentials {
        /// The names asked for.
        names: Vec<String>,
    },
    /// No region was found.
    #[error("no AWS region to read {} from: set AWS_REGION", .names.join(", "))]
    NoRegion {
        /// The names asked for.
        names: Vec<String>,
    },
    /// The service did not answer.
    #[error(
        "Parameter Store does not answer ({reason}): check the network, the VPC endpoint for ssm, AWS_REGION and AWS_ENDPOINT_URL"
    )]
    Unreachable {
        /// What failed underneath.
        reason: String,
    },
    /// The service answered with something else.
    #[error("Parameter Store refused {}: {reason}", .names.join(", "))]
    Refused {
        /// The names asked for.
        names: Vec<String>,
        /// What the service said.
        reason: String,
    },
}

impl SsmError {
    /// Whose fault it is and whether another attempt can help.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Throttled { .. } | Self::Unreachable { .. } => FailureClass::External,
            Self::NotFound { .. }
            | Self::AccessDenied { .. }
            | Self::NoCredentials { .. }
            | Self::NoRegion { .. }
            | Self::Refused { .. } => FailureClass::User,
        }
    }
}

/// Reads parameters by name (`/a/b`, also with a version or label, `/a/b:3`), encrypted ones decrypted.
///
/// Region, endpoint and credentials come from the `AWS_*` variables, the profile files or the instance's metadata.
/// Asks for each name once, ten in a call; the client retries throttled calls a few times.
///
/// # Errors
/// All missing names together in `NotFound`; otherwise the first call that failed.
pub async fn resolve(names: &[String]) -> Result<BTreeMap<String, Secret>, SsmError> {
    let names: Vec<String> = names.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let config = Box::pin(aws_config::defaults(BehaviorVersion::latest()).load()).await;
    resolve_with(&config, &names).await
}

async fn resolve_with(config: &SdkConfig, names: &[String]) -> Result<BTreeMap<String, Secret>, SsmError> {
    let Some(region) = config.region().map(ToString::to_string) else {
        return Err(SsmError::NoRegion { names: names.to_vec() });
    };
    let client = Client::new(config);
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for chunk in names.chunks(NAMES_PER_CALL) {
        let call = client
            .get_parameters()
            .set_names(Some(chunk.to_vec()))
            .with_decryption(true);
        let answer = Box::pin(call.send()).await.map_err(|error| classify(error, chunk))?;
        for parameter in answer.parameters() {
            // A selector is part of the name asked for, not of the name answered with.
            let name = format!(
                "{}{}",
                parameter.name().unwrap_or_default(),
                parameter.selector().unwrap_or_default()
            );
            if let Some(value) = parameter.value() {
                values.insert(name, Secret(value.to_owned()));
            }
        }
        missing.extend(chunk.iter().filter(|name| !values.contains_key(*name)).cloned());
    }
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(SsmError::NotFound { names: missing, region })
    }
}

fn classify<R>(error: SdkError<GetParametersError, R>, names: &[String]) -> SsmError
where
    R: fmt::Debug + Send + Sync + 'static,
{
    let names = names.to_vec();
    // The error's own display says no more than "dispatch failure" or "service error".
    let chain = chain_text(&error);
    match &error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or_default().to_owned();
            let reason = service.err().message().unwrap_or(&chain).to_owned();
            match code.as_str() {
                "AccessDeniedException" | "KMSAccessDeniedException" => SsmError::AccessDenied {
                    names,
                    source: reason.into(),
                },
                "ThrottlingException" | "TooManyRequestsException" | "RequestLimitExceeded" => {
                    SsmError::Throttled { names }
                }
                "UnrecognizedClientException" | "InvalidSignatureException" | "ExpiredTokenException" => {
                    SsmError::Refused {
                        names,
                        reason: format!("{reason} ({code}): the AWS credentials are not accepted, check or renew them"),
                    }
                }
                "" => SsmError::Unreachable { reason },
                _ => SsmError::Refused {
                    names,
                    reason: format!("{reason} ({code})"),
                },
            }
        }
        _ if format!("{error:?}").contains("CredentialsNotLoaded") => SsmError::NoCredentials { names },
        _ => SsmError::Unreachable { reason: chain },
    }
}

fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_missing_parameter_is_named_with_what_to_do() {
        let error = SsmError::NotFound {
            names: vec!["/a".to_owned(), "/b".to_owned()],
            region: "eu-central-1".to_owned(),
        };
        let text = error.to_string();
        assert!(
            text.contains("/a, /b; create it with `aws ssm put-parameter --region eu-central-1 --name /a"),
            "{text}"
        );
        assert_eq!(error.class(), FailureClass::User);
    }

    #[tokio::test]
    async fn without_a_region_nothing_is_asked() {
        let config = SdkConfig::builder().build();
        let error = resolve_with(&config, &["/a".to_owned()]).await.unwrap_err();
        assert!(matches!(error, SsmError::NoRegion { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_service_that_does_not_listen_is_unreachable() {
        use aws_sdk_ssm::config::{Credentials, Region, SharedCredentialsProvider};
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url("http://127.0.0.1:9")
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "a", "b", None, None, "test",
            )))
            .build();
        let error = resolve_with(&config, &["/a".to_owned()]).await.unwrap_err();
        assert!(matches!(error, SsmError::Unreachable { .. }), "{error}");
        assert!(error.class().retryable());
    }
}
