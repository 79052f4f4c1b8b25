//! What is done with nodes.

use mc_api::node::Node;
use reqwest::Method;

use crate::transport::Call;
use crate::{Client, Error};

impl Client {
    /// Gives a node no new agent sessions.
    pub async fn cordon_node(&self, reference: &str) -> Result<Node, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "nodes", reference, "cordon"])).await
    }

    /// Lets a node take nothing new, and end what it has begun.
    pub async fn drain_node(&self, reference: &str) -> Result<Node, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "nodes", reference, "drain"])).await
    }

    /// Lets a cordoned node take agent sessions again.
    pub async fn uncordon_node(&self, reference: &str) -> Result<Node, Error> {
        self.json(Call::new(Method::POST, &["api", "v1", "nodes", reference, "uncordon"])).await
    }
}
