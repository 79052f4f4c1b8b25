//! A server that gives scripted answers in order and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use mc_client::{Client, Options, Retry, Server, Token};
use tokio::task::JoinSet;

/// One scripted answer.
pub(crate) enum Answer {
    /// Status, further headers, body.
    Full(u16, Vec<(&'static str, &'static str)>, String),
    /// The pieces of a body, after which the connection breaks.
    Broken(Vec<String>),
    /// Nothing, ever.
    Silence,
}

impl Answer {
    pub(crate) fn ok(body: &str) -> Self {
        Self::Full(200, vec![], body.into())
    }

    pub(crate) fn problem(status: u16, slug: &str) -> Self {
        let body = format!(
            r#"{{"type":"urn:missioncontrol:problem:{slug}","title":"T","status":{status},"detail":"D","request_id":"r-1","errors":[{{"pointer":"/name","message":"bad"}}]}}"#
        );
        Self::Full(status, vec![], body)
    }
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

/// The server; it ends with this value.
pub(crate) struct Scripted {
    script: Arc<Mutex<Script>>,
    address: String,
    _task: JoinSet<()>,
}

impl Scripted {
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        // The tests share one process; the first one installs the provider for all.
        drop(rustls::crypto::ring::default_provider().install_default());
        let script = Arc::new(Mutex::new(Script { answers: answers.into(), asked: vec![] }));
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { script, address, _task: task }
    }

    pub(crate) fn client(&self) -> Client {
        client(&self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }
}

/// A client with short patience.
pub(crate) fn client(address: &str) -> Client {
    let mut options = Options::new(Server::parse(address).unwrap());
    options.token = Some(Token::new("mcs_test"));
    options.request_timeout = Duration::from_millis(400);
    options.idle_timeout = Duration::from_secs(5);
    options.retry = Retry { attempts: 3, base: Duration::from_millis(5), cap: Duration::from_millis(20) };
    Client::new(options).unwrap()
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let next = {
        let mut script = script.lock().unwrap();
        script.asked.push(Asked { method, uri, headers, body });
        script.answers.pop_front()
    };
    match next {
        Some(Answer::Full(status, headers, body)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Some(Answer::Broken(pieces)) => {
            // What was written must be on its way before the connection breaks, else it is lost with it.
            let cut = futures_util::stream::once(async {
                tokio::time::sleep(Duration::from_millis(30)).await;
                Err(std::io::Error::other("cut"))
            });
            let pieces = futures_util::stream::iter(pieces.into_iter().map(Ok));
            Response::new(Body::from_stream(futures_util::StreamExt::chain(pieces, cut)))
        }
        Some(Answer::Silence) => std::future::pending().await,
        None => Response::builder().status(500).body(Body::from("the script is over")).unwrap(),
    }
}
