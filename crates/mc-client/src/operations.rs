//! Decisions, identity and what the system says of itself.

use mc_api::Page;
use mc_api::approval::{Approval, DecideApproval, DecideApprovals, DecidedApprovals};
use mc_api::auth::{
    CreateGrant, Grant, LoggedOut, Login, LoginRequest, LoginSession, Principal, PrincipalName, SetRole,
    WhoAmI,
};
use mc_api::broker::{BrokerConfig, CreateBrokerConfig};
use mc_api::doctor::{CheckObjects, ObjectCheck};
use mc_api::support::SupportReport;
use mc_api::system::{EmbeddingStatus, Health, SchemaState, Version};
use reqwest::Method;

use crate::transport::Call;
use crate::{Client, Error};

/// What is done with an open approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Decide for it.
    Approve,
    /// Decide against it.
    Reject,
    /// Withdraw it.
    Cancel,
}

impl Decision {
    const fn verb(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
        }
    }
}

impl Client {
    /// Decides or withdraws an approval.
    pub async fn decide(
        &self,
        reference: &str,
        decision: Decision,
        body: &DecideApproval,
    ) -> Result<Approval, Error> {
        let path = ["api", "v1", "approvals", reference, decision.verb()];
        self.json(Call::new(Method::POST, &path).json(body)).await
    }

    /// Decides several approvals, each for itself. Repeated after a lost answer nothing is decided twice.
    pub async fn decide_all(&self, body: &DecideApprovals) -> Result<DecidedApprovals, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "approvals", "decide"]).json(body)).await
    }

    /// Makes a login session with the token presented.
    pub async fn login(&self, body: &LoginRequest) -> Result<LoginSession, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "auth", "login"]).json(body)).await
    }

    /// Login sessions: the caller's own, somebody's, or with `all` everybody's; at most 500.
    pub async fn logins(&self, principal: Option<&str>, all: bool) -> Result<Page<Login>, Error> {
        let mut query = vec![("limit", "500".to_owned())];
        query.extend(principal.map(|principal| ("principal", principal.to_owned())));
        query.extend(all.then(|| ("all", "true".to_owned())));
        self.json(Call::get(&["api", "v1", "auth", "logins"]).query(query)).await
    }

    /// Ends one login session.
    pub async fn revoke_login(&self, id: &str) -> Result<(), Error> {
        self.send(Call::new(Method::DELETE, &["api", "v1", "auth", "logins", id])).await.map(drop)
    }

    /// Ends every login session and every grant of somebody.
    pub async fn logout_of(&self, principal: &str) -> Result<LoggedOut, Error> {
        let path = ["api", "v1", "principals", principal, "logout-everywhere"];
        self.json(Call::new(Method::POST, &path)).await
    }

    /// Grants that have not ended, at most 500.
    pub async fn grants(&self, principal: Option<&str>) -> Result<Page<Grant>, Error> {
        let mut query = vec![("limit", "500".to_owned())];
        query.extend(principal.map(|principal| ("principal", principal.to_owned())));
        self.json(Call::get(&["api", "v1", "auth", "grants"]).query(query)).await
    }

    /// The names behind at most 100 ids of principals; those that cannot be told are left out.
    pub async fn principal_names(&self, ids: &[String]) -> Result<Page<PrincipalName>, Error> {
        let query = vec![("id", ids.join(","))];
        self.json(Call::get(&["api", "v1", "principal-names"]).query(query)).await
    }

    /// Revokes every login session of the caller.
    pub async fn logout_everywhere(&self) -> Result<LoggedOut, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "auth", "logout-everywhere"])).await
    }

    /// Revokes the login session presented.
    pub async fn logout(&self) -> Result<(), Error> {
        self.send(Call::new(Method::POST, &["api", "v1", "auth", "logout"])).await.map(drop)
    }

    /// Makes a grant for an agent.
    pub async fn issue_grant(&self, body: &CreateGrant) -> Result<Grant, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "auth", "grants"]).json(body)).await
    }

    /// Ends a grant before its time.
    pub async fn revoke_grant(&self, id: mc_api::id::TokenId) -> Result<(), Error> {
        let id = id.to_string();
        let path = ["api", "v1", "auth", "grants", &id];
        self.send(Call::new(Method::DELETE, &path)).await.map(drop)
    }

    /// Who the token belongs to.
    pub async fn whoami(&self) -> Result<WhoAmI, Error> {
        self.json(Call::get(&["api", "v1", "auth", "whoami"])).await
    }

    /// Sets or removes a principal's role.
    pub async fn set_role(&self, principal: &str, body: &SetRole) -> Result<Principal, Error> {
        let path = ["api", "v1", "principals", principal, "role"];
        self.json(Call::new(Method::PUT, &path).json(body)).await
    }

    /// Every check the server makes of itself.
    pub async fn doctor(&self) -> Result<Health, Error> {
        self.json(Call::get(&["api", "v1", "system", "doctor"])).await
    }

    /// Compares a part of the stored contents with what names them, and mends what differs when asked to.
    pub async fn check_objects(&self, body: &CheckObjects) -> Result<ObjectCheck, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "system", "doctor", "objects"]).json(body)).await
    }

    /// The schema of the server's database.
    pub async fn schema(&self) -> Result<SchemaState, Error> {
        self.json(Call::get(&["api", "v1", "system", "schema"])).await
    }

    /// What somebody else needs to look into a problem, without secrets.
    pub async fn support_report(&self) -> Result<SupportReport, Error> {
        self.json(Call::get(&["api", "v1", "system", "support"])).await
    }

    /// Makes the configuration of an MQTT broker that runs elsewhere.
    pub async fn broker_config(&self, body: &CreateBrokerConfig) -> Result<BrokerConfig, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "system", "broker-config"]).json(body)).await
    }

    /// How texts get their vectors, and how far that is.
    pub async fn embedding_status(&self) -> Result<EmbeddingStatus, Error> {
        self.json(Call::get(&["api", "v1", "system", "embeddings"])).await
    }

    /// Whether the server is ready, asked once and without identity or repeating.
    pub async fn is_ready(&self) -> Result<bool, Error> {
        Ok(self.probe(&["readyz"]).await?.status().is_success())
    }

    /// The server's version.
    pub async fn version(&self) -> Result<Version, Error> {
        self.json(Call::get(&["versionz"])).await
    }
}
