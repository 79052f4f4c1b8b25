//! The HTTP door: extractors, answers, problems, documents. Mechanism only, no subject knowledge.

pub mod answer;
pub(crate) mod cookie;
pub mod extract;
mod frame;
pub mod json;
mod openapi;
pub mod page;
pub(crate) mod problem;
pub mod router;
pub(crate) mod starting;
pub(crate) mod system;
mod ui;

pub use answer::{Created, Found, Gone, Versioned};
pub use extract::{Cmd, Ctx, DryRun, Query, Ref};
pub use json::{MAX_COMMIT_BODY, MAX_TEXT_BODY};
pub use openapi::document;
