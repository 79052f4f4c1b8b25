//! Sending: identity, deadlines, idempotency keys and repeating.

use std::time::Duration;

use bytes::Bytes;
use mc_api::{Page, Problem, ProblemKind};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH, IF_RANGE, RANGE, RETRY_AFTER,
};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::query::{ListQuery, Scope};
use crate::resource::{Creatable, Deletable, Patchable, Resource};
use crate::{Error, Options};

/// The API of one server, seen by one principal. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    pub(crate) options: std::sync::Arc<Options>,
}

/// The body of a request, repeatable.
pub(crate) enum Body {
    /// Nothing.
    Empty,
    /// JSON, or another text, with its media type.
    Bytes(Bytes, &'static str),
    /// Bytes in memory or in a file that is opened anew for each repetition.
    Upload(crate::Upload, String),
}

/// One request before it is sent.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Below the server's address.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    pub(crate) if_match: Option<i64>,
    /// The idempotency key, when the caller may send the same again by another call.
    pub(crate) key: Option<Uuid>,
    /// The answer is read as it comes: the deadline ends with its first byte.
    pub(crate) stream: bool,
    /// From this byte on, if the content still has this entity tag.
    pub(crate) range: Option<(u64, String)>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, path: &'a [&'a str]) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body: Body::Empty,
            if_match: None,
            key: None,
            stream: false,
            range: None,
        }
    }

    pub(crate) fn get(path: &'a [&'a str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn query(mut self, query: Vec<(&'static str, String)>) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn stream(mut self) -> Self {
        self.stream = true;
        self
    }

    pub(crate) fn if_match(mut self, version: Option<i64>) -> Self {
        self.if_match = version;
        self
    }

    pub(crate) fn key(mut self, key: Uuid) -> Self {
        self.key = Some(key);
        self
    }

    /// The key under which all repetitions go: what is changed twice is changed once.
    fn fixed_key(&self) -> Option<Uuid> {
        self.key.or_else(|| (self.method != Method::GET).then(random_id))
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Self {
        self.body(body, "application/json")
    }

    pub(crate) fn body(mut self, body: &impl Serialize, media_type: &'static str) -> Self {
        let bytes =
            serde_json::to_vec(body).expect("requests of mc-api have text keys and no failing members");
        self.body = Body::Bytes(bytes.into(), media_type);
        self
    }
}

/// How one attempt ended, when it did not succeed.
enum Failure {
    Final(Error),
    /// Worth repeating, after at least this long.
    Again(Error, Option<Duration>),
}

impl Client {
    /// Sets up a client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], or [`Error::Setup`] when no TLS provider is installed.
    pub fn new(options: Options) -> Result<Self, Error> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &options.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| Error::InvalidToken)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            // A redirect would take the token to an address nobody chose.
            .redirect(reqwest::redirect::Policy::none());
        if !options.server.is_tls() {
            // Loopback: no proxy is asked, and the system's certificates need not be read.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(Error::Setup)?;
        Ok(Self { http, options: std::sync::Arc::new(options) })
    }

    /// Reads one object by id, key or name.
    pub async fn get<R: Resource>(&self, reference: &str, scope: &Scope) -> Result<R, Error> {
        self.json(Call::get(&["api", "v1", R::COLLECTION, reference]).query(scope.pairs())).await
    }

    /// Reads one page of a list.
    pub async fn list<R: Resource>(&self, query: &ListQuery) -> Result<Page<R>, Error> {
        self.json(Call::get(&["api", "v1", R::COLLECTION]).query(query.pairs())).await
    }

    /// Creates an object.
    pub async fn create<R: Creatable>(&self, body: &R::Create) -> Result<R, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", R::COLLECTION]).json(body)).await
    }

    /// Does all that a creation does, on the server, which keeps nothing (missions, klusters, tasks).
    pub async fn rehearse<R: Creatable>(&self, body: &R::Create) -> Result<R, Error> {
        let call = Call::new(Method::POST, &["api", "v1", R::COLLECTION]);
        self.json(call.query(vec![("dry_run", "true".to_owned())]).json(body)).await
    }

    /// Changes an object by JSON Merge Patch, only in version `if_match` when given.
    pub async fn update<R: Patchable>(
        &self,
        reference: &str,
        scope: &Scope,
        patch: &R::Update,
        if_match: Option<i64>,
    ) -> Result<R, Error> {
        let path = ["api", "v1", R::COLLECTION, reference];
        let call = Call::new(Method::PATCH, &path).query(scope.pairs()).if_match(if_match);
        self.json(call.body(patch, "application/merge-patch+json")).await
    }

    /// Deletes an object, only in version `if_match` when given.
    pub async fn delete<R: Deletable>(
        &self,
        reference: &str,
        scope: &Scope,
        if_match: Option<i64>,
    ) -> Result<(), Error> {
        let path = ["api", "v1", R::COLLECTION, reference];
        self.send(Call::new(Method::DELETE, &path).query(scope.pairs()).if_match(if_match)).await.map(drop)
    }

    /// Sends and reads a JSON answer. One that breaks off, as when the server is killed, is asked for again with the same
    /// key.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        let (retry, key) = (self.options.retry, call.fixed_key());
        for attempt in 1.. {
            let response = self.deliver(&call, key).await?;
            let status = response.status();
            match self.within(response.bytes()).await {
                Ok(bytes) => {
                    let read = serde_json::from_slice(&bytes);
                    return read.map_err(|error| self.unexpected(status, error.to_string()));
                }
                Err(Error::Unreachable { .. }) if attempt < retry.attempts => {
                    tokio::time::sleep(retry.wait(attempt + 1, dice())).await;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Sends, repeats where that helps, and returns the first successful answer.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Response, Error> {
        let key = call.fixed_key();
        self.deliver(&call, key).await
    }

    async fn deliver(&self, call: &Call<'_>, key: Option<Uuid>) -> Result<Response, Error> {
        let retry = self.options.retry;
        for attempt in 1.. {
            let failure = match self.attempt(call, key).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            match failure {
                Failure::Final(error) => return Err(error),
                Failure::Again(error, _) if attempt >= retry.attempts.max(1) => return Err(error),
                Failure::Again(_, at_least) => {
                    let wait = retry.wait(attempt + 1, dice());
                    tokio::time::sleep(wait.max(at_least.unwrap_or_default().min(retry.cap))).await;
                }
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Sends once, without key, identity check or repeating; any status is an answer.
    pub(crate) async fn probe(&self, path: &[&str]) -> Result<Response, Error> {
        self.within(self.http.get(self.options.server.url(path)).send()).await
    }

    async fn attempt(&self, call: &Call<'_>, key: Option<Uuid>) -> Result<Response, Failure> {
        let mut request = self.http.request(call.method.clone(), self.options.server.url(call.path));
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key.simple().to_string());
        }
        if let Some(version) = call.if_match {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        if let Some((from, etag)) = &call.range {
            request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, etag);
        }
        let mut deadline = Some(self.options.request_timeout);
        request = match &call.body {
            Body::Empty => request,
            Body::Bytes(bytes, media_type) => request.header(CONTENT_TYPE, *media_type).body(bytes.clone()),
            Body::Upload(upload, media_type) => {
                // As long as bytes move, an upload may take its time.
                deadline = None;
                let body = upload.body().await.map_err(|error| Failure::Final(error.into()))?;
                request.header(CONTENT_TYPE, media_type).body(body)
            }
        };
        if call.stream {
            request = request.header("accept", "text/event-stream, application/x-ndjson, */*");
        }
        let sent = match deadline {
            Some(_) => self.within(request.send()).await,
            None => request.send().await.map_err(|error| self.transport(error)),
        };
        let response = sent.map_err(|error| match error {
            Error::Unreachable { .. } => Failure::Again(error, None),
            // A repeated key makes this safe; waiting once more does not make a stuck server answer.
            other => Failure::Final(other),
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response).await)
    }

    async fn refused(&self, response: Response) -> Failure {
        let status = response.status();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        let retry_after = seconds.map(Duration::from_secs);
        let error = match self.within(response.bytes()).await {
            Err(error) => return Failure::Again(error, retry_after),
            Ok(bytes) => self.problem(status, &bytes),
        };
        let again = matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ) || error.problem_kind() == Some(ProblemKind::IdempotencyInFlight);
        if again { Failure::Again(error, retry_after) } else { Failure::Final(error) }
    }

    /// The problem in an answer, or what can be said of an answer that has none.
    fn problem(&self, status: StatusCode, bytes: &[u8]) -> Error {
        if let Ok(problem) = serde_json::from_slice::<Problem>(bytes) {
            return Error::Problem(Box::new(problem));
        }
        let text: String =
            String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(200).collect();
        self.unexpected(status, if text.is_empty() { "no body".into() } else { text })
    }

    /// Waits for the transport, at most as long as a request may take.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.options.request_timeout, work).await {
            Ok(done) => done.map_err(|error| self.transport(error)),
            Err(_) => Err(self.timeout(self.options.request_timeout)),
        }
    }

    pub(crate) fn timeout(&self, after: Duration) -> Error {
        Error::Timeout { server: self.options.server.to_string(), seconds: after.as_secs() }
    }

    pub(crate) fn unexpected(&self, status: StatusCode, detail: String) -> Error {
        Error::UnexpectedAnswer { server: self.options.server.to_string(), status: status.as_u16(), detail }
    }

    /// Names a failure of the transport.
    pub(crate) fn transport(&self, error: reqwest::Error) -> Error {
        // The URL is ours to show; in the source it would only be said twice.
        Error::Unreachable { server: self.options.server.to_string(), source: error.without_url() }
    }
}

/// A fresh random value: idempotency keys need to be unique, jitter needs a die.
#[expect(clippy::disallowed_methods, reason = "the client's one source of keys; nothing is ordered by them")]
pub(crate) fn random_id() -> Uuid {
    Uuid::now_v7()
}

/// Chooses within a range of waits, so that clients that were cut off together do not come back together.
pub(crate) fn dice() -> u8 {
    random_id().as_bytes()[15]
}
