//! What the system says of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// Version of a running part (`GET /versionz`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// The product's version.
    pub version: String,
    /// Identifies the build; parts of one installation must agree.
    pub build_id: String,
    /// The API group and version.
    pub api_version: String,
}

/// The schema of the database (`GET /api/v1/system/schema`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaState {
    /// Always `schema`.
    pub kind: String,
    /// `postgres` or `sqlite`.
    pub backend: String,
    /// The version that is there.
    pub schema: i64,
    /// The version that the running program brings it to.
    pub newest: i64,
}

/// One check of `GET /readyz` and `GET /api/v1/system/doctor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found, and the fix when it is not well.
    pub detail: String,
}

/// All checks, with the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Every check is well.
    pub ok: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// The server's time.
    pub now: Timestamp,
}

crate::text_enum! {
    /// Where the vectors of texts come from.
    pub enum EmbeddingProvider {
        /// Computed by the control plane itself, without a model.
        Builtin = "builtin",
        /// A model folder on the machine of the control plane.
        Local = "local",
        /// An endpoint that speaks as OpenAI's does.
        OpenAi = "openai",
    }
}

crate::text_enum! {
    /// How the indexing of vectors goes.
    pub enum EmbeddingState {
        /// Every text has its vector.
        Ready = "ready",
        /// Texts wait for their vectors, and they are being made.
        Indexing = "indexing",
        /// The provider did not answer as it should; it is asked again at `retry_at`.
        Failing = "failing",
        /// The tokens of the hour or the day are used up; it goes on at `retry_at`.
        BudgetExhausted = "budget_exhausted",
        /// A control plane that started later indexes with another model; this one follows after a restart only.
        Superseded = "superseded",
        /// Nothing is indexed: overlap detection is switched off.
        Off = "off",
    }
}

/// Vectors that are stored of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoredModel {
    /// Where they come from.
    pub provider: EmbeddingProvider,
    /// The model.
    pub model: String,
    /// The length of a vector.
    pub dimensions: i32,
    /// When every text had its vector for the first time.
    pub complete_at: Option<Timestamp>,
}

/// How texts get their vectors, and how far that is (`GET /api/v1/system/embeddings`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddingStatus {
    /// Always `embedding_status`.
    pub kind: String,
    /// Where vectors come from, as configured.
    pub provider: EmbeddingProvider,
    /// The model, as configured.
    pub model: String,
    /// The length of a vector; absent until the endpoint said it.
    pub dimensions: Option<i32>,
    /// How it goes.
    pub state: EmbeddingState,
    /// Texts with a vector of this model.
    pub indexed: i64,
    /// Texts that wait for theirs, also those that the provider cannot embed.
    pub waiting: i64,
    /// Of those that wait, the ones that the provider cannot embed; they are tried again every hour.
    pub failed: i64,
    /// What went wrong last, when it does.
    pub error: Option<String>,
    /// When the provider is asked again, while it fails or the budget is used up.
    pub retry_at: Option<Timestamp>,
    /// Tokens that may be used in an hour; absent: any number.
    pub tokens_per_hour: Option<i64>,
    /// Tokens used in this hour.
    pub tokens_this_hour: i64,
    /// Tokens that may be used in a day (UTC); absent: any number.
    pub tokens_per_day: Option<i64>,
    /// Tokens used today.
    pub tokens_today: i64,
    /// The models of which vectors are stored.
    pub stored: Vec<StoredModel>,
}
