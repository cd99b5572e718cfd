//! The name that parts below the node have for a client's connection.
//!
//! It means nothing to anybody but the node, and reaches that connection or none, however late it
//! is used.
//!
//! Not here: what a connection is (`node/connection.rs`).

/// The node's name for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link(pub u64);
