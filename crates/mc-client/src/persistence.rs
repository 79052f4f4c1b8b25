//! Where missions publish to, what they would publish, and rebuilding from Git.

use mc_api::Page;
use mc_api::ledger::LedgerEvent;
use mc_api::persistence::{
    Connection, ConnectionTest, PendingList, PlanPublication, ProvisionPersistence, ProvisionedPersistence,
    PublicationPolicy, PublicationStatus, PublishPending, PublishPlan, PublishedPending,
    PutPublicationPolicy, RestoredLedger, RotateCredential, TestConnection,
};
use mc_api::publication::{Publication, RetriedPublication};
use reqwest::Method;

use crate::transport::{Body, Call};
use crate::{Client, Error, Upload};

fn of(mission: &str) -> Vec<(&'static str, String)> {
    vec![("mission", mission.to_owned())]
}

impl Client {
    /// Replaces the credential of a connection.
    pub async fn rotate_credential(
        &self,
        connection: &str,
        body: &RotateCredential,
    ) -> Result<Connection, Error> {
        let path = ["api", "v1", "connections", connection, "rotate"];
        self.json(Call::new(Method::POST, &path).json(body)).await
    }

    /// Tests a connection.
    pub async fn test_connection(
        &self,
        connection: &str,
        body: &TestConnection,
    ) -> Result<ConnectionTest, Error> {
        let path = ["api", "v1", "connections", connection, "test"];
        self.json(Call::new(Method::POST, &path).json(body)).await
    }

    /// Binds a mission and sends everything there.
    pub async fn provision_persistence(
        &self,
        body: &ProvisionPersistence,
    ) -> Result<ProvisionedPersistence, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "bindings", "provision"]).json(body)).await
    }

    /// What a mission publishes where.
    pub async fn publication_policy(&self, mission: &str) -> Result<PublicationPolicy, Error> {
        self.json(Call::get(&["api", "v1", "publication-policies", mission])).await
    }

    /// Replaces what a mission publishes where.
    pub async fn put_publication_policy(
        &self,
        mission: &str,
        body: &PutPublicationPolicy,
    ) -> Result<PublicationPolicy, Error> {
        self.json(Call::new(Method::PUT, &["api", "v1", "publication-policies", mission]).json(body)).await
    }

    /// What a publication would do.
    pub async fn plan_publication(&self, body: &PlanPublication) -> Result<PublishPlan, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "publications", "plan"]).json(body)).await
    }

    /// What waits in a mission, for every target or for one binding (`-`: the Git ledger of the installation).
    pub async fn pending_publications(
        &self,
        mission: &str,
        binding: Option<&str>,
    ) -> Result<PendingList, Error> {
        let mut query = of(mission);
        query.extend(binding.map(|binding| ("binding", binding.to_owned())));
        query.push(("limit", "500".to_owned()));
        self.json(Call::get(&["api", "v1", "publications", "pending"]).query(query)).await
    }

    /// Gives up a publication that is not in Git.
    pub async fn withdraw_publication(&self, id: &str) -> Result<Publication, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "publications", id, "withdraw"])).await
    }

    /// Tries a publication again.
    pub async fn retry_publication(&self, id: &str) -> Result<RetriedPublication, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "publications", id, "retry"])).await
    }

    /// Asks for the publication of everything that waits.
    pub async fn publish_pending(&self, body: &PublishPending) -> Result<PublishedPending, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "publications", "pending"]).json(body)).await
    }

    /// How far a mission is published.
    pub async fn publication_status(&self, mission: &str) -> Result<PublicationStatus, Error> {
        self.json(Call::get(&["api", "v1", "publications", "status"]).query(of(mission))).await
    }

    /// What happened to an entity: a page of events after a cursor.
    pub async fn entity_history(
        &self,
        entity: (&str, &str),
        mission: Option<&str>,
        cursor: Option<String>,
    ) -> Result<Page<LedgerEvent>, Error> {
        let mut query = vec![("entity_type", entity.0.to_owned()), ("entity_id", entity.1.to_owned())];
        query.extend(mission.map(|mission| ("mission_id", mission.to_owned())));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.json(Call::get(&["api", "v1", "ledger", "history"]).query(query)).await
    }

    /// Rebuilds what was published, from a stream of [`mc_api::restore::RestorePart`].
    pub async fn restore_ledger(&self, parts: Upload) -> Result<RestoredLedger, Error> {
        let mut call = Call::new(Method::POST, &["api", "v1", "ledger", "restore"]);
        call.body = Body::Upload(parts, mc_api::restore::MEDIA_TYPE.to_owned());
        self.json(call).await
    }
}
