//! Requests and their answers, and a reader of server-sent events.

use std::sync::Once;
use std::time::Duration;

use futures_util::StreamExt as _;
use http::HeaderMap;
use serde_json::Value;

/// Sends requests to one control plane.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// `null` when the body is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    /// The body, after checking the status.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Checks that this is a whole problem document of this kind; gives its detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, slug: &str) -> String {
        assert_eq!(
            (self.status, self.body["type"].as_str().unwrap_or_default()),
            (status, format!("urn:missioncontrol:problem:{slug}").as_str()),
            "{}",
            self.text
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert!(self.body["title"].as_str().is_some_and(|title| !title.is_empty()));
        self.body["detail"].as_str().unwrap().to_owned()
    }

    /// A header as text, empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    /// The address of the control plane.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn new(base: &str) -> Self {
        static PROVIDER: Once = Once::new();
        // The control plane of this process may have installed it already.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        Self { http, base: base.to_owned() }
    }

    /// A request that is not sent yet; an empty token sends none.
    pub(crate) fn request(&self, method: &str, path: &str, token: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    pub(crate) async fn finish(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, body })
    }

    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.request(method, path, token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Self::finish(request).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        self.try_send(method, path, token, headers, body).await.unwrap()
    }

    /// The stream, unless nobody answers or the answer is another one.
    pub(crate) async fn try_watch(&self, path: &str, token: &str) -> Result<Watch, String> {
        let response = self.request("GET", path, token).send().await.map_err(|error| error.to_string())?;
        if response.status().as_u16() != 200 {
            return Err(format!("{}: {}", response.status(), response.text().await.unwrap_or_default()));
        }
        Ok(Watch { bytes: response.bytes_stream().boxed(), buffer: String::new() })
    }

    pub(crate) async fn watch(&self, path: &str, token: &str) -> Watch {
        let response = self.request("GET", path, token).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}: {}", response.text().await.unwrap());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Watch { bytes: response.bytes_stream().boxed(), buffer: String::new() }
    }
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) id: i64,
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// An open watch.
pub(crate) struct Watch {
    bytes: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: String,
}

impl Watch {
    /// The next event; `None` when the server ended the stream.
    pub(crate) async fn next(&mut self) -> Option<Change> {
        tokio::time::timeout(super::DEADLINE, self.read()).await.expect("the watch says something in time")
    }

    /// The events up to and including the first that fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Change) -> bool) -> Vec<Change> {
        let mut changes = Vec::new();
        loop {
            let change = self.next().await.expect("the watch goes on");
            changes.push(change);
            if changes.last().is_some_and(&fits) {
                return changes;
            }
        }
    }

    /// The same, however long it takes.
    pub(crate) async fn read(&mut self) -> Option<Change> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                let mut change = Change { id: -1, event: String::new(), data: Value::Null };
                for line in block.lines() {
                    match line.split_once(':').map(|(name, value)| (name, value.trim_start())) {
                        Some(("id", value)) => change.id = value.parse().unwrap(),
                        Some(("event", value)) => value.clone_into(&mut change.event),
                        Some(("data", value)) => change.data = serde_json::from_str(value).unwrap(),
                        _ => {}
                    }
                }
                if !change.event.is_empty() {
                    return Some(change);
                }
            }
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.buffer.push_str(std::str::from_utf8(&bytes).unwrap()),
                Some(Err(_)) | None => return None,
            }
        }
    }
}
