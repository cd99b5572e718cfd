//! Names of fields that make a table something else than an array in a reply. They are upvalues of
//! the function that runs scripts, so that asking for one makes no string.
//!
//! Not here: who pushes them (`invoke.rs`), what they mean (`to_reply.rs`).

use std::ffi::{CStr, c_int};

/// The upvalue of the first name; the others follow.
pub(super) const FIRST_FIELD_UPVALUE: c_int = 7;

/// Fields of tables that are no arrays.
#[derive(Clone, Copy)]
pub(super) enum UpvalueField {
    Err,
    Ok,
    Double,
    BigNumber,
    Verbatim,
    Map,
    Set,
}

/// Their names, in that order.
pub(super) const FIELD_NAMES: [&CStr; 7] = [
    c"err",
    c"ok",
    c"double",
    c"big_number",
    c"verbatim_string",
    c"map",
    c"set",
];
