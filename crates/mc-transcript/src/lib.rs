//! What the journal of an agent session says: [`Event`] for people, [`Signal`] for whoever keeps its state.
//!
//! Pure and total: any bytes may stand in a record. What cannot be read has no signal, and an event only where its
//! kind alone says something.

mod event;
mod signal;

pub use event::Event;
pub use signal::{Command, PermissionOption, Signal};

pub use mc_acp::view::{Mode, Modes};
