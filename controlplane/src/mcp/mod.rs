//! Tools for agents: one registry, reached by the Model Context Protocol (`/mcp`) and by plain HTTP (`/mcp/tools`,
//! `/mcp/call`).
//!
//! A tool is a name, a description and the arguments of one operation of a subject's service; the subjects declare
//! theirs in `tools.rs`. Authorization, idempotency and the ledger are the service's, so that no door has rules of its
//! own. `/mcp` follows the streamable HTTP transport of the protocol without sessions: any request may go to any
//! replica. A tool that refuses answers with the problem document, as a tool error with structured content.

pub mod registry;
pub mod routes;
mod schema;
pub mod server;
mod tool;

pub use tool::Tool;
