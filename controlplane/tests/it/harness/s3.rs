//! A real S3 server on loopback, on a runtime of its own so that it can be killed: it checks signatures and keeps objects
//! as files.
//!
//! The server cannot list uploads in parts; that one answer is made here, from the files that it keeps for them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use controlplane::config::ObjectStorage;
use mc_api::Timestamp;
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result};

pub(crate) const BUCKET: &str = "artifacts";
pub(crate) const SECRET: &str = "not-to-be-shown";

/// What the server is to do wrong, and what it was asked.
#[derive(Default)]
pub(crate) struct Faults {
    /// So many of the next requests are answered with this status.
    pub(crate) refuse: AtomicU32,
    pub(crate) status: AtomicU16,
    /// The second part of an upload is never answered.
    pub(crate) hold_second_part: AtomicBool,
    /// The second part of an upload is refused.
    pub(crate) break_second_part: AtomicBool,
    asked: Mutex<Vec<String>>,
}

impl Faults {
    /// Requests since the last call, as `METHOD /path?query`; copies as `COPY`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Whether a request that holds this text has come, since [`Faults::asked`] was called.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|asked| asked.contains(text))
    }
}

pub(crate) struct S3Server {
    root: tempfile::TempDir,
    address: SocketAddr,
    pub(crate) faults: Arc<Faults>,
    runtime: Option<tokio::runtime::Runtime>,
}

fn refusal(status: u16) -> Response {
    let code = if status == 503 { "SlowDown" } else { "Refused" };
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>by the test</Message></Error>");
    (http::StatusCode::from_u16(status).unwrap(), body).into_response()
}

async fn intercept(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    let copies = request.headers().contains_key("x-amz-copy-source");
    let method = if copies { "COPY" } else { request.method().as_str() };
    let asked = format!("{method} {}", request.uri());
    let is_second = asked.contains("partNumber=2");
    faults.asked.lock().unwrap().push(asked);
    let left = faults.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() {
        return refusal(faults.status.load(Ordering::SeqCst));
    }
    if is_second && faults.hold_second_part.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    if is_second && faults.break_second_part.load(Ordering::SeqCst) {
        return refusal(400);
    }
    next.run(request).await
}

/// Lists uploads in parts.
struct Uploads(PathBuf);

#[async_trait::async_trait]
impl S3Route for Uploads {
    fn is_match(
        &self,
        method: &http::Method,
        uri: &http::Uri,
        _: &http::HeaderMap,
        _: &mut http::Extensions,
    ) -> bool {
        let asked =
            uri.query().unwrap_or_default().split('&').any(|pair| pair.trim_end_matches('=') == "uploads");
        method == http::Method::GET && asked
    }

    async fn call(&self, _: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let listed: Vec<String> = uploads(&self.0)
            .into_iter()
            .map(|(key, id, at)| {
                format!(
                    "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{at}</Initiated></Upload>"
                )
            })
            .collect();
        let listed = listed.concat();
        Ok(S3Response::new(Body::from(format!(
            "<ListMultipartUploadsResult><Bucket>{BUCKET}</Bucket><IsTruncated>false</IsTruncated>{listed}</ListMultipartUploadsResult>"
        ))))
    }
}

/// Key, id and begin of the uploads that are open.
fn uploads(root: &std::path::Path) -> Vec<(String, String, Timestamp)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let Some((key, id)) = name
            .strip_suffix(".metadata.json")
            .and_then(|name| name.split_once(".object-"))
            .and_then(|(_, rest)| rest.split_once(".upload-"))
        else {
            continue;
        };
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
        // It may be finished while we look.
        let Ok(begun) = entry.metadata().and_then(|found| found.modified()) else { continue };
        let micros = begun.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
        found.push((key, id.to_owned(), Timestamp::from_micros(micros.try_into().unwrap())));
    }
    found
}

impl S3Server {
    pub(crate) fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut server = Self { root, address, faults: Arc::default(), runtime: None };
        server.serve();
        server
    }

    /// Serves on the same port and folder.
    pub(crate) fn serve(&mut self) {
        let mut builder =
            s3s::service::S3ServiceBuilder::new(s3s_fs::FileSystem::new(self.root.path()).unwrap());
        builder.set_auth(s3s::auth::SimpleAuth::from_single("the-id", SECRET));
        builder.set_route(Uploads(self.root.path().to_owned()));
        let service =
            axum::error_handling::HandleError::new(builder.build(), |error: s3s::HttpError| async move {
                (http::StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}"))
            });
        let router = axum::Router::new()
            .fallback_service(service)
            .layer(axum::middleware::from_fn_with_state(self.faults.clone(), intercept));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (ready, wait) = std::sync::mpsc::channel();
        let address = self.address;
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            ready.send(()).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        wait.recv().unwrap();
        self.runtime = Some(runtime);
    }

    /// Cuts every connection and listens no more.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// The next requests are answered with a status.
    pub(crate) fn refuse(&self, requests: u32, status: u16) {
        self.faults.status.store(status, Ordering::SeqCst);
        self.faults.refuse.store(requests, Ordering::SeqCst);
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a control plane is told by its environment.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("MC_OBJECT_STORAGE_ENDPOINT", self.endpoint()),
            ("MC_OBJECT_STORAGE_BUCKET", BUCKET.to_owned()),
            ("MC_OBJECT_STORAGE_PREFIX", "mc/one".to_owned()),
            ("MC_OBJECT_STORAGE_ACCESS_KEY", "the-id".to_owned()),
            ("MC_OBJECT_STORAGE_ACCESS_SECRET", SECRET.to_owned()),
            ("MC_OBJECT_STORAGE_START_TIMEOUT_SECONDS", "0".to_owned()),
        ]
    }

    /// The same, read; `more` wins.
    pub(crate) fn storage(&self, more: &[(&'static str, &str)]) -> ObjectStorage {
        let mut all: std::collections::HashMap<_, _> = self.variables().into_iter().collect();
        all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        ObjectStorage::read(|name| all.get(name).cloned()).unwrap()
    }

    /// The keys of the bucket.
    pub(crate) fn keys(&self) -> Vec<String> {
        super::files(&self.root.path().join(BUCKET))
    }

    /// The file of a key.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }

    /// The keys of uploads in parts that are open.
    pub(crate) fn open_uploads(&self) -> Vec<String> {
        uploads(self.root.path()).into_iter().map(|(key, ..)| key).collect()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.kill();
    }
}
