//! What libraries and their functions may be called.
//!
//! Not here: who asks (`function_libraries.rs`, `register.rs`).

/// Whether a library or function may be called so.
pub(super) fn is_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    !name.is_empty() && name.iter().all(is_allowed)
}
