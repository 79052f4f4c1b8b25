//! The door for whoever has no certificate yet.

use mc_api::id::NodeId;
use mc_api::node::{NodeFacts, NodeRuntime};
use mc_api::{ProblemKind, Timestamp};
use mc_proto::mesh_v1::{
    self as wire, ChallengeReply, ChallengeRequest, Identity, JoinRequest, RejoinRequest,
};
use tonic::{Request, Response, Status};

use super::{peer, status};
use crate::app::SharedApp;
use crate::endpoints::Endpoints;
use crate::error::Error;
use crate::nodes::join::{self, Join, Joined, Possession};

pub(super) struct Enroll {
    app: SharedApp,
}

impl Enroll {
    pub(super) fn new(app: SharedApp) -> Self {
        Self { app }
    }

    fn identity(&self, joined: Joined) -> Identity {
        let keyring = &self.app.keyring;
        let millis = |at: Timestamp| at.as_micros() / 1000;
        Identity {
            node_id: joined.node.id.to_string(),
            name: joined.node.name.to_string(),
            certificate_der: joined.certificate.der,
            ca_der: keyring.authority().certificate().to_vec(),
            not_after_unix_ms: millis(joined.certificate.not_after),
            server_unix_ms: millis(joined.at),
            http_url: self.app.endpoints.http_url(),
            mqtt_address: self.app.endpoints.mqtt_address(),
            broker: self.app.endpoints.broker.as_ref().map(|_| broker(&self.app.endpoints)),
            command_keys: keyring
                .command_keys()
                .map(|(key_id, key)| wire::VerifyingKey {
                    key_id: key_id.to_owned(),
                    public_key: key.to_vec(),
                })
                .collect(),
        }
    }
}

/// The MQTT broker that is not our own, as nodes are told of it.
pub(super) fn broker(endpoints: &Endpoints) -> wire::Broker {
    let known = endpoints.broker.as_ref();
    wire::Broker {
        address: known.map(|broker| broker.address.clone()).unwrap_or_default(),
        ca_der: known.into_iter().flat_map(|broker| &broker.authorities).map(|ca| ca.to_vec()).collect(),
    }
}

/// What a node says of itself, from the wire.
pub fn facts(facts: Option<wire::NodeFacts>) -> NodeFacts {
    let facts = facts.unwrap_or_default();
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let runtime = |runtime: wire::Runtime| NodeRuntime {
        name: runtime.name,
        available: runtime.available,
        version: some(runtime.version),
        hint: some(runtime.hint),
    };
    NodeFacts {
        version: facts.version,
        hostname: facts.hostname,
        os: facts.os,
        arch: facts.arch,
        boot_id: facts.boot_id,
        slots: facts.slots,
        sandbox_tier: facts.sandbox_tier,
        runtimes: facts.runtimes.into_iter().map(runtime).collect(),
    }
}

#[tonic::async_trait]
impl wire::enroll_server::Enroll for Enroll {
    async fn challenge(&self, _: Request<ChallengeRequest>) -> Result<Response<ChallengeReply>, Status> {
        Ok(Response::new(ChallengeReply { nonce: join::challenge(&self.app) }))
    }

    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<Identity>, Status> {
        let request = request.into_inner();
        let public_key = request
            .public_key
            .try_into()
            .map_err(|_| status(Error::invalid("/public_key", "an Ed25519 key has 32 bytes")))?;
        let join = Join {
            token: request.token,
            public_key,
            possession: Possession { nonce: request.nonce, signature: request.signature },
            wish: request.name,
            facts: facts(request.facts),
        };
        let joined = join::join(&self.app, peer::request_id(&self.app), &join).await.map_err(status)?;
        Ok(Response::new(self.identity(joined)))
    }

    async fn rejoin(&self, request: Request<RejoinRequest>) -> Result<Response<Identity>, Status> {
        let request = request.into_inner();
        let unknown =
            |_| status(Error::new(ProblemKind::Unauthenticated, "there is no such node with this key"));
        let id: NodeId = request.node_id.parse().map_err(unknown)?;
        let possession = Possession { nonce: request.nonce, signature: request.signature };
        let request_id = peer::request_id(&self.app);
        let joined = join::rejoin(&self.app, request_id, id, &possession, &facts(request.facts))
            .await
            .map_err(status)?;
        Ok(Response::new(self.identity(joined)))
    }
}
