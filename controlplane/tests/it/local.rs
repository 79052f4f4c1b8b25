//! A server of this process on a free port, with a folder of its own.

use std::sync::{Arc, Once, OnceLock};

use controlplane::app::SharedApp;
use controlplane::config::Config;
use controlplane::op::{Caller, OpCtx};
use controlplane::server::{Server, install_metrics};
use mc_api::Role;
use mc_api::auth::{GovernanceProfile, PrincipalKind};
use mc_api::id::PrincipalId;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const ROOT: &str = "bootstrap-token";

pub(crate) struct Local {
    pub(crate) server: Server,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) http: reqwest::Client,
}

impl Local {
    pub(crate) async fn start(governance: GovernanceProfile) -> Self {
        static METRICS: OnceLock<metrics_exporter_prometheus::PrometheusHandle> = OnceLock::new();
        static TLS: Once = Once::new();
        TLS.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().expect("installed once");
        });
        let metrics = METRICS.get_or_init(|| install_metrics().expect("installed once")).clone();
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: dir.path().join("data"),
            http: "127.0.0.1:0".parse().unwrap(),
            database: None,
            governance,
            root_key_file: None,
            behind_proxy: false,
            bootstrap_token: Some(ROOT.into()),
        };
        let server = Server::start(&config, metrics).await.unwrap();
        let http = reqwest::Client::builder().build().unwrap();
        let local = Self { server, dir, http };
        local.ok(ROOT, Method::POST, "/missions", Some(json!({"name": "demo"}))).await;
        local
    }

    pub(crate) fn app(&self) -> &SharedApp {
        &self.server.app
    }

    pub(crate) fn request(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}/api/v1{path}", self.server.address);
        self.http.request(method, url).bearer_auth(token)
    }

    pub(crate) async fn call(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.request(token, method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        answer(request).await
    }

    pub(crate) async fn ok(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, value) = self.call(token, method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {value}");
        value
    }

    pub(crate) async fn login(&self, name: &str, role: &str) -> String {
        let body = json!({"principal": name, "role": role});
        let session = self.ok(ROOT, Method::POST, "/auth/login", Some(body)).await;
        session["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn upload(&self, name: &str, content: &[u8]) -> Value {
        let request = self.request(ROOT, Method::POST, &format!("/artifacts?mission=demo&name={name}"));
        let (status, value) = answer(request.body(content.to_vec())).await;
        assert_eq!(status, 201, "{value}");
        value
    }

    /// Asks for the publication of one new artifact; gives the publication.
    pub(crate) async fn publication(&self, token: &str, name: &str) -> Value {
        let artifact = self.upload(name, name.as_bytes()).await;
        let body = json!({"mission": "demo", "artifacts": [artifact["id"]], "message": name});
        self.ok(token, Method::POST, "/publications", Some(body)).await
    }

    /// Returns when every committed event is sealed.
    pub(crate) async fn sealed(&self) {
        while self.ok(ROOT, Method::GET, "/ledger/head", None).await["unsealed"] != 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// The ledger's events of a subject, oldest first.
    pub(crate) async fn actions_on(&self, subject: &str) -> Vec<String> {
        self.sealed().await;
        let events = self.ok(ROOT, Method::GET, &format!("/ledger/events?subject={subject}"), None).await;
        let items = events["items"].as_array().unwrap();
        items.iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    }

    /// A context as the doors make it, for a principal of any sort.
    pub(crate) fn context(&self, id: &Value, kind: PrincipalKind) -> OpCtx {
        let app = self.app();
        let id: PrincipalId = id.as_str().unwrap().parse().unwrap();
        let caller = Caller {
            id,
            name: "made-for-test".into(),
            kind,
            organization: app.organization,
            role: Some(Role::Contributor),
            mission_roles: std::collections::HashMap::new(),
            login: None,
        };
        OpCtx::new(Arc::new(caller), "test".into(), app.clock.now(), app.ids.clone())
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) fn slug(problem: &Value) -> &str {
    problem["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or("none")
}
