//! An embeddings endpoint on a port of its own: it computes vectors by meaning, and fails as it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use controlplane::config::Embeddings;
use serde_json::{Value, json};

/// Words of one meaning, which no lexicon puts together.
const MEANINGS: &[&[&str]] = &[
    &["vessel", "ship", "frigate"],
    &["purchase", "acquire", "obtain"],
    &["harbour", "quay", "pier"],
    &["sailors", "mariners", "crew"],
    &["paint", "varnish"],
    &["fence", "hedge"],
    &["garden", "yard"],
];

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As it should.
    Well,
    /// As it should, after so many milliseconds.
    Slow(u64),
    /// Never.
    Hang,
    /// With this status.
    Status(u16),
    /// With 429 and `Retry-After: 2`.
    TooMany,
    /// With what is no JSON.
    Garbage,
    /// With one vector too few.
    TooFew,
    /// With vectors that are shorter than before.
    Short,
    /// With a redirection elsewhere.
    Elsewhere,
}

#[derive(Default)]
struct Seen {
    mode: Option<Mode>,
    texts: Vec<String>,
    authorization: Option<String>,
    dimensions: Option<usize>,
}

/// The endpoint; it stops with the runtime of the test.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) base: String,
    seen: Arc<Mutex<Seen>>,
}

/// A vector: one place per meaning, the rest by the letters of a word.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3) {
        let meaning = MEANINGS.iter().position(|words| words.contains(&word));
        let hash = word.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let place = meaning.unwrap_or(MEANINGS.len() + hash % (dimensions - MEANINGS.len()));
        vector[place] += if meaning.is_some() { 1.0 } else { 0.5 };
    }
    if vector.iter().all(|x| *x == 0.0) {
        vector[0] = 0.1;
    }
    vector
}

async fn embed(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    let texts: Vec<String> = serde_json::from_value(body["input"].clone()).unwrap();
    let (mode, mut dimensions) = {
        let mut seen = seen.lock().unwrap();
        seen.authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        seen.texts.extend(texts.iter().cloned());
        (seen.mode.unwrap_or(Mode::Well), seen.dimensions.unwrap_or(64))
    };
    let mut texts = texts;
    match mode {
        Mode::Well => {}
        Mode::Slow(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        Mode::Hang => std::future::pending().await,
        Mode::Status(status) => {
            let error = json!({ "error": { "message": "it is told to" } });
            return (StatusCode::from_u16(status).unwrap(), error.to_string()).into_response();
        }
        Mode::TooMany => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "2")], "{}").into_response();
        }
        Mode::Garbage => return "<html>no</html>".into_response(),
        Mode::TooFew => drop(texts.pop()),
        Mode::Short => dimensions = 24,
        Mode::Elsewhere => {
            return (StatusCode::TEMPORARY_REDIRECT, [("location", "http://127.0.0.1:9/v1/embeddings")], "")
                .into_response();
        }
    }
    if texts.iter().any(|text| text.contains("unembeddable")) {
        let error = json!({ "error": { "message": "this input is not allowed" } });
        return (StatusCode::BAD_REQUEST, error.to_string()).into_response();
    }
    let count = texts.len();
    // Last first: the index says which is which.
    let data: Vec<Value> = (0..count)
        .rev()
        .map(|index| json!({ "object": "embedding", "index": index, "embedding": vector(&texts[index], dimensions) }))
        .collect();
    let tokens = texts.iter().map(|text| text.len() / 4 + 1).sum::<usize>();
    json!({ "object": "list", "model": body["model"], "data": data, "usage": { "prompt_tokens": tokens, "total_tokens": tokens } })
        .to_string()
        .into_response()
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let router =
            axum::Router::new().route("/v1/embeddings", axum::routing::post(embed)).with_state(seen.clone());
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await });
        serving.detach_all();
        Self { base, seen }
    }

    pub(crate) fn answers(&self, mode: Mode) {
        self.seen.lock().unwrap().mode = Some(mode);
    }

    /// The length of its vectors from now on.
    pub(crate) fn gives(&self, dimensions: usize) {
        self.seen.lock().unwrap().dimensions = Some(dimensions);
    }

    /// How many texts it was sent.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.seen.lock().unwrap().texts.clone()
    }

    /// How it was asked last.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.seen.lock().unwrap().authorization.clone()
    }

    /// The environment that names it.
    pub(crate) fn variables(&self, more: &[(&str, &str)]) -> HashMap<String, String> {
        let mut set = HashMap::from([
            ("MC_EMBEDDINGS_PROVIDER".to_owned(), "openai".to_owned()),
            ("MC_EMBEDDINGS_BASE_URL".to_owned(), self.base.clone()),
            ("MC_EMBEDDINGS_MODEL".to_owned(), "by-meaning".to_owned()),
            ("MC_EMBEDDINGS_API_KEY".to_owned(), "hush-hush".to_owned()),
            ("MC_EMBEDDINGS_TIMEOUT_SECONDS".to_owned(), "2".to_owned()),
            ("MC_EMBEDDINGS_QUERY_TIMEOUT_MS".to_owned(), "400".to_owned()),
        ]);
        set.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        set
    }

    /// The configuration that names it.
    pub(crate) fn config(&self, more: &[(&str, &str)]) -> Embeddings {
        let set = self.variables(more);
        Embeddings::read(|name| set.get(name).cloned()).unwrap()
    }
}
