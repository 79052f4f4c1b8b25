//! Task templates: tasks with parameters, named in a mission.
//!
//! A version never changes; a change writes the next one. Placeholders are filled in once: a value that looks like a
//! placeholder stays as it is. A task that a template made says so in an annotation, and is a task like any other.

pub(crate) mod model;
pub mod routes;
pub mod service;
pub(crate) mod store;
pub mod tools;
