//! Shorter words for the tests of approvals, artifacts and publications, and contexts as the doors make them.

use std::sync::Arc;

use controlplane::app::SharedApp;
use controlplane::op::{Caller, OpCtx};
use mc_api::Role;
use mc_api::auth::{GovernanceProfile, PrincipalKind};
use mc_api::id::PrincipalId;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::TestApp;

/// Stands for the bootstrap token.
pub(crate) const ROOT: &str = "bootstrap";

/// A control plane with the mission `demo`.
pub(crate) struct Local(pub(crate) TestApp);

impl Local {
    /// Starts the control plane again under a governance profile.
    pub(crate) async fn over(app: TestApp, governance: GovernanceProfile) -> Self {
        let local = Self(app.governed(governance).await);
        let (status, answer) =
            local.call(ROOT, Method::POST, "/missions", Some(json!({"name": "demo"}))).await;
        assert!(matches!(status, 201 | 409), "{answer}");
        local
    }

    pub(crate) fn app(&self) -> &SharedApp {
        self.0.app()
    }

    #[expect(clippy::needless_pass_by_value, reason = "a method is a constant where this is called")]
    pub(crate) fn request(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        let token = if token == ROOT { self.0.admin() } else { token };
        self.0.client.request(method.as_str(), &format!("/api/v1{path}"), token)
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

    /// The ledger's events of a subject, oldest first.
    pub(crate) async fn actions_on(&self, subject: &str) -> Vec<String> {
        self.0.sealed().await;
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
            grant: None,
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
