//! Any endpoint that speaks as OpenAI's does: `POST {base}/embeddings`.

use std::time::Duration;

use futures_util::future::BoxFuture;
use mc_api::system::EmbeddingProvider;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use serde::{Deserialize, Serialize};

use super::provider::{Embedded, Embedder, Failure, FailureKind, Passage};
use crate::config::embeddings::{MAX_DIMENSIONS, OpenAi as Settings};
use crate::config::object_storage::Secret;
use crate::error::Error;

/// The longest wait that an endpoint can ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// What of an answer is told when it is an error.
const TOLD: usize = 200;
/// The most bytes that one number of a vector takes in JSON, with room for indentation.
const NUMBER: usize = 48;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<i32>,
}

/// Lenient: endpoints differ in what else they send.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Datum>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Datum {
    embedding: Vec<f32>,
    #[serde(default)]
    index: Option<usize>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    total_tokens: Option<i64>,
    #[serde(default)]
    prompt_tokens: Option<i64>,
}

/// A client of one endpoint.
pub(super) struct OpenAi {
    settings: Settings,
    authorization: Option<HeaderValue>,
    http: reqwest::Client,
}

impl OpenAi {
    /// Builds the client; nothing is asked of the endpoint.
    ///
    /// # Errors
    /// A key that no header can hold.
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        // Fails only when one is installed already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let authorization = match &settings.api_key {
            None => None,
            Some(key) => {
                let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| {
                    Error::unavailable("MC_EMBEDDINGS_API_KEY holds a character that no header can")
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            // The key is for this address only.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(Error::internal)?;
        Ok(Self { settings, authorization, http })
    }

    /// The text that is sent: whole characters up to the limit.
    fn sentence(&self, passage: &Passage) -> String {
        let mut text = mc_overlap::sentence(&passage.title, &passage.body);
        if let Some((end, _)) = text.char_indices().nth(self.settings.max_chars) {
            text.truncate(end);
        }
        // Endpoints refuse a text of nothing.
        if text.trim().is_empty() { "-".to_owned() } else { text }
    }

    async fn ask(&self, input: &[String]) -> Result<Embedded, Failure> {
        let body = Request {
            model: &self.settings.model,
            input,
            encoding_format: "float",
            dimensions: self.settings.dimensions,
        };
        let mut request = self.http.post(format!("{}/embeddings", self.settings.base_url)).json(&body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let answer = request.send().await.map_err(|error| silent(&error))?;
        let status = answer.status();
        if !status.is_success() {
            let key = self.settings.api_key.as_ref().map(Secret::expose);
            return Err(refusal(answer, key).await);
        }
        let most = (input.len() + 1) * usize::try_from(MAX_DIMENSIONS).unwrap_or(0) * NUMBER;
        let bytes = read(answer, most).await?;
        let answer: Answer = serde_json::from_slice(&bytes)
            // What it says is not repeated: it may hold the key.
            .map_err(|error| {
                let (line, column) = (error.line(), error.column());
                garbage(format!("the answer is not understood at line {line}, column {column}"))
            })?;
        self.checked(answer, input.len())
    }

    /// The vectors in the order of the texts, when there is one of each and all are of one length.
    fn checked(&self, answer: Answer, wanted: usize) -> Result<Embedded, Failure> {
        if answer.data.len() != wanted {
            return Err(garbage(format!("{} vectors were given for {wanted} texts", answer.data.len())));
        }
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; wanted];
        for (place, datum) in answer.data.into_iter().enumerate() {
            let place = datum.index.unwrap_or(place);
            match vectors.get_mut(place) {
                Some(free @ None) => *free = Some(datum.embedding),
                _ => return Err(garbage(format!("no or two vectors have the index {place}"))),
            }
        }
        let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
        let length = vectors.first().map_or(0, Vec::len);
        let fits = i32::try_from(length).is_ok_and(|length| {
            (1..=MAX_DIMENSIONS).contains(&length)
                && self.settings.dimensions.is_none_or(|wanted| wanted == length)
        });
        if !fits || vectors.iter().any(|vector| vector.len() != length) {
            let wanted =
                self.settings.dimensions.map_or_else(String::new, |n| format!(", {n} were asked for"));
            return Err(garbage(format!("vectors of {length} dimensions cannot be used{wanted}")));
        }
        if vectors.iter().flatten().any(|number| !number.is_finite()) {
            return Err(garbage("a vector holds what is no number".to_owned()));
        }
        let tokens = answer.usage.and_then(|usage| usage.total_tokens.or(usage.prompt_tokens));
        Ok(Embedded { vectors, tokens: tokens.filter(|tokens| *tokens >= 0) })
    }
}

fn garbage(message: String) -> Failure {
    Failure::new(FailureKind::Garbage, message)
}

/// No answer. The address is not repeated: it is in the configuration.
fn silent(error: &reqwest::Error) -> Failure {
    let message = if error.is_timeout() {
        "the endpoint did not answer in time"
    } else if error.is_connect() {
        "the endpoint cannot be reached"
    } else {
        "the connection to the endpoint broke"
    };
    Failure::new(FailureKind::Unavailable, message)
}

/// Reads an answer that must not be longer than what was asked for can be.
async fn read(mut answer: reqwest::Response, most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| silent(&error))? {
        if bytes.len() + chunk.len() > most {
            return Err(garbage("the answer is longer than any right one".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What an error answer means.
async fn refusal(answer: reqwest::Response, key: Option<&str>) -> Failure {
    let status = answer.status();
    let wait = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    let kind = match status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            FailureKind::Unfit
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => FailureKind::Unavailable,
        status if status.is_server_error() => FailureKind::Unavailable,
        _ => FailureKind::Refused,
    };
    let told = match kind {
        // What refuses a key may repeat it.
        FailureKind::Refused => String::new(),
        _ => read(answer, 64 * 1024).await.map(|bytes| told(&bytes, key)).unwrap_or_default(),
    };
    Failure { retry_after: wait, ..Failure::new(kind, format!("the endpoint answered {status}{told}")) }
}

/// The `error.message` of an error answer, shortened; nothing when it repeats the key, or the beginning of it.
fn told(bytes: &[u8], key: Option<&str>) -> String {
    const BEGINNING: usize = 8;
    let body: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or_default();
    let message: String = message.chars().filter(|c| !c.is_control()).take(TOLD).collect();
    let beginning = key.map(|key| key.get(..BEGINNING).unwrap_or(key)).filter(|key| !key.is_empty());
    if message.is_empty() || beginning.is_some_and(|key| message.contains(key)) {
        return String::new();
    }
    format!(": {message}")
}

impl Embedder for OpenAi {
    fn provider(&self) -> EmbeddingProvider {
        EmbeddingProvider::OpenAi
    }

    fn model(&self) -> &str {
        &self.settings.model
    }

    fn dimensions(&self) -> Option<i32> {
        self.settings.dimensions
    }

    fn unrelated(&self) -> f32 {
        self.settings.unrelated
    }

    fn batch(&self) -> usize {
        self.settings.batch
    }

    fn tokens(&self, passage: &Passage) -> i64 {
        // Some three bytes of most languages are a token.
        i64::try_from(self.sentence(passage).len() / 3 + 8).unwrap_or(i64::MAX)
    }

    fn embed<'a>(&'a self, passages: &'a [Passage]) -> BoxFuture<'a, Result<Embedded, Failure>> {
        Box::pin(async move {
            let input: Vec<String> = passages.iter().map(|passage| self.sentence(passage)).collect();
            self.ask(&input).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_repeats_the_key_is_not_repeated() {
        let answer = |message: &str| serde_json::json!({ "error": { "message": message } }).to_string();
        let key = Some("sk-0123456789abcdef");
        assert_eq!(told(answer("too many requests").as_bytes(), key), ": too many requests");
        for message in ["wrong key: Bearer sk-0123456789abcdef", "wrong key: sk-01234…"] {
            assert_eq!(told(answer(message).as_bytes(), key), "");
        }
        assert_eq!(told(answer("too long").as_bytes(), None), ": too long");
    }
}
