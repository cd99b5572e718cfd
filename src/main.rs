//! The server binary: arguments to configuration to `server::run`.
fn main() {}
