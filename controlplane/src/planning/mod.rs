//! Planning: why a task is not running.
//!
//! Nothing here decides anything. Claims are decided by [`crate::tasks::rules`] and nodes by [`crate::sessions::fit`];
//! `why` asks the same functions and says in words what they answer, with the object in the way and the command that
//! takes it away. It writes nothing and shows nothing that the caller may not read: a node or a task of elsewhere is
//! then counted and not named.

pub mod routes;
pub mod service;
pub mod tools;
mod why;
