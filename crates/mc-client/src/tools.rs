//! Tools by name.

use mc_api::tool::{CallTool, ToolAnswer, ToolList};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::transport::{Call, random_id};
use crate::{Client, Error};

/// Identifies one call of a tool: a call that is made again with the same key does its work once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallKey(Uuid);

impl CallKey {
    /// The key of a new call.
    #[must_use]
    pub fn fresh() -> Self {
        Self(random_id())
    }
}

impl Client {
    /// The tools that the server offers.
    pub async fn tools(&self) -> Result<ToolList, Error> {
        self.json(Call::get(&["mcp", "tools"])).await
    }

    /// Calls a tool; the answer is the object of its operation.
    ///
    /// # Errors
    /// [`Error::Problem`] when the tool refuses.
    pub async fn call_tool(&self, call: &CallTool, key: CallKey) -> Result<Value, Error> {
        let answer: ToolAnswer =
            self.json(Call::new(Method::POST, &["mcp", "call"]).key(key.0).json(call)).await?;
        Ok(answer.result)
    }
}
