//! What a family of commands brings to the grammar.
//!
//! Not here: how a template becomes a request (`../grammar.rs`).

/// Commands that are chosen or left out together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// As TYPE calls what they work on, else a word of its own.
    pub(crate) name: &'static str,
    /// One request a line: weight, form. A weight with `!` behind it is of requests that are never
    /// made wrong.
    pub(crate) templates: &'static str,
    /// The forms of an optional part, separated by bars, empty ones leave it out; `None` if the
    /// class is of another family.
    pub(crate) forms_of: fn(&str) -> Option<&'static str>,
}
