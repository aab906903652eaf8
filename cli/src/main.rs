//! The neodex command line.
fn main() {}
