//! What planning answers.

pub use super::why::why;
