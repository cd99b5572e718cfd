//! `user …` lines, which Redis writes by itself: taken as words.
//!
//! Not here: what the words mean (`acl/`).

/// One `user` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// What follows `user`: the name and the rules.
    pub words: Vec<Vec<u8>>,
    /// Where it stands, for errors: `users.acl:3`.
    pub place: String,
}

impl UserLine {
    /// The line as a configuration file has it.
    pub(super) fn written(&self) -> Vec<u8> {
        let words = self
            .words
            .iter()
            .map(|word| super::text::written(word, false));
        [&b"user "[..], &words.collect::<Vec<_>>().join(&b' ')].concat()
    }
}

/// Whether both say the same of users, wherever it stands.
pub(super) fn are_same(one: &[UserLine], other: &[UserLine]) -> bool {
    let words = |lines: &[UserLine]| {
        lines
            .iter()
            .map(|line| line.words.clone())
            .collect::<Vec<_>>()
    };
    words(one) == words(other)
}
