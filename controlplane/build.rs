//! The embedded migrations are part of the binary: a changed file must rebuild it.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "cargo:rerun-if-changed=../migrations")
}
