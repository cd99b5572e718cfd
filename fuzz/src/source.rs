//! The fuzzer's bytes as a row of choices; once they are used up, every choice is the first.
//!
//! Small choices take one byte each, so that a changed byte changes one decision and those behind
//! it stay where they are.
//!
//! Not here: what is chosen (`requests.rs` and the targets).

/// Reads choices from bytes.
pub(crate) struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `count`, which is at most 65,536 and at least 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let number = if count <= 256 {
            usize::from(self.byte())
        } else {
            usize::from(self.byte()) << 8 | usize::from(self.byte())
        };
        number % count
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// As many bytes as the next one says, up to `len_max` and to what is left.
    pub(crate) fn bytes(&mut self, len_max: usize) -> &'a [u8] {
        let len = self.below(len_max + 1).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// Everything that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }
}
