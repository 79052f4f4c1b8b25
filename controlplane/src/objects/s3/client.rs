//! The SDK's client: on ring, with deadlines, with retries only where they are safe.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient,
};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, HttpClientError};

use crate::config::object_storage::S3;

/// For a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// For one attempt, up to the head of its answer: enough for a part on a slow line.
const ATTEMPT: Duration = Duration::from_mins(1);
/// For an operation with all its attempts.
const OPERATION: Duration = Duration::from_mins(3);
/// Attempts of an operation. The SDK repeats what never arrived, 5xx, slow-downs and timeouts, and no other refusal;
/// everything that is sent here may arrive twice.
const ATTEMPTS: u32 = 4;

fn http(bucket: &S3) -> Result<SharedHttpClient, HttpClientError> {
    if bucket.endpoint.as_deref().is_some_and(|url| url.starts_with("http://")) {
        return Ok(Builder::new().build_http());
    }
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    Ok(match &bucket.ca {
        None => builder.build_https(),
        Some(pem) => {
            let trust = TrustStore::empty().with_pem_certificate(pem.clone());
            builder.tls_context(TlsContext::builder().with_trust_store(trust).build()?).build_https()
        }
    })
}

/// The client that works, and the one that signs URLs for others.
pub(super) fn clients(bucket: &S3) -> Result<(Client, Client), HttpClientError> {
    let credentials =
        Credentials::new(&bucket.access_key, bucket.access_secret.expose(), None, None, "MC_OBJECT_STORAGE");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(bucket.region.clone()))
        .credentials_provider(credentials)
        .force_path_style(bucket.path_style)
        .http_client(http(bucket)?)
        .retry_config(
            RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(Duration::from_secs(5)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .read_timeout(ATTEMPT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(OPERATION)
                .build(),
        )
        // We give SHA-256 ourselves; other servers know no trailing checksums.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let at = |endpoint: Option<&String>| {
        let mut config = config.clone();
        config.set_endpoint_url(endpoint.cloned());
        Client::from_conf(config.build())
    };
    let public = bucket.public_endpoint.as_ref().or(bucket.endpoint.as_ref());
    Ok((at(bucket.endpoint.as_ref()), at(public)))
}
