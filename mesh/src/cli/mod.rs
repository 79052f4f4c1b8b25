//! The command line of `mc-mesh`.

mod args;
mod attach;
mod commands;

pub use args::Args;
pub use commands::run;
