//! mc
fn main() {}
