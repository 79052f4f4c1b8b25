//! What a server that speaks S3 refuses, in the words we act on.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::super::ObjectError;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {text}")]
pub(super) struct Fault {
    operation: &'static str,
    /// HTTP status, when there was an answer.
    pub(super) status: Option<u16>,
    code: Option<String>,
    text: String,
}

impl Fault {
    /// Reads the SDK's error. It holds no secret: keys travel in requests only.
    #[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
    pub(super) fn new<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let text = match (&error, status) {
            (SdkError::ServiceError(_) | SdkError::ResponseError(_), Some(status)) => {
                let code = code.as_deref().unwrap_or("no code");
                match error.message() {
                    Some(message) => format!("HTTP {status} {code}: {message}"),
                    None => format!("HTTP {status} {code}"),
                }
            }
            _ => chain(&error),
        };
        Self { operation, status, code, text }
    }

    /// The object, bucket or upload is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.status == Some(404) && self.code.as_deref() != Some("NoSuchBucket")
    }

    /// The key has content by now, or another writer is at it.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self.status, Some(409 | 412))
    }

    /// What an operator would want to read.
    pub(super) fn plain(&self) -> String {
        let hint = match (self.status, self.code.as_deref()) {
            (_, Some("NoSuchBucket")) => "; make the bucket, or correct MC_OBJECT_STORAGE_BUCKET",
            (Some(404), _) if self.operation == "HeadBucket" => {
                "; make the bucket, or correct MC_OBJECT_STORAGE_BUCKET"
            }
            (Some(401 | 403), _) => {
                "; check MC_OBJECT_STORAGE_ACCESS_KEY, MC_OBJECT_STORAGE_ACCESS_SECRET and what the key may do"
            }
            (Some(301 | 307 | 400), _) => "; check MC_OBJECT_STORAGE_REGION and MC_OBJECT_STORAGE_ENDPOINT",
            (None, _) => "; check MC_OBJECT_STORAGE_ENDPOINT",
            _ => "",
        };
        format!("{self}{hint}")
    }

    /// Whether waiting may help: a server that starts, a bucket that is being made.
    pub(super) fn may_heal(&self) -> bool {
        !matches!(self.status, Some(301 | 307 | 400 | 401 | 403))
    }
}

impl From<Fault> for ObjectError {
    fn from(fault: Fault) -> Self {
        if fault.is_missing() { Self::Missing } else { Self::Store(std::io::Error::other(fault)) }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
