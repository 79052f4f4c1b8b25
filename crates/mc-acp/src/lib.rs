//! Agent Client Protocol, version 1, as its client speaks it: <https://agentclientprotocol.com>.
//!
//! - [`LineSplitter`] cuts a byte stream into lines and refuses lines over 16 MiB.
//! - [`Message::parse`] reads one line leniently: unknown methods, missing `jsonrpc`, extra fields are fine;
//!   what is no JSON-RPC at all is [`NotAMessage`], which callers show as text instead of dropping it.
//! - [`outgoing`] builds the lines a client sends; [`view`] reads the few fields a supervisor acts on.
//!
//! Payloads stay the raw JSON the agent wrote: the protocol grows monthly, and what is unknown here must reach
//! the journal unchanged. The crate does no I/O and holds no state. Why it does not link the SDK:
//! `docs/adr/0002-acp-line-codec.md`; the tests check every built line against the SDK's schema.

mod line;
mod message;
pub mod outgoing;
pub mod view;

pub use line::{LineSplitter, LineTooLong, MAX_LINE_BYTES};
pub use message::{Id, Message, NotAMessage, RpcError, code};
