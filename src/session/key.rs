//! The name of a session.
//!
//! Not here: the sessions (`registry.rs`).

/// Names a session while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey(pub(super) usize);
