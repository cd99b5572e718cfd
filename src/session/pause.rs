//! CLIENT PAUSE: until when whose commands wait.
//!
//! Every pause holds writes back, so meanwhile keys stay what they are: what is due stays in memory,
//! absent to readers, and nothing is evicted (`engine/`).

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseScope {
    /// Those that may change keys.
    Writes,
    /// All.
    All,
}

/// The present pause, if any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    current: Option<(PauseScope, u64)>,
}

impl Pause {
    /// Begins a pause, or makes the present one longer and wider, never shorter or narrower.
    pub fn extend(&mut self, scope: PauseScope, until_ms: u64, now_ms: u64) {
        self.current = Some(match self.at(now_ms) {
            Some((old_scope, old_until_ms)) => (scope.max(old_scope), until_ms.max(old_until_ms)),
            None => (scope, until_ms),
        });
    }

    /// Ends the pause.
    pub fn end(&mut self) {
        self.current = None;
    }

    /// Forgets the pause if its time is up.
    #[inline]
    pub fn end_if_over(&mut self, now_ms: u64) {
        if self.current.is_some() && self.at(now_ms).is_none() {
            self.current = None;
        }
    }

    /// Whether there is a pause, or was one that has not been ended.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.current.is_some()
    }

    fn at(&self, now_ms: u64) -> Option<(PauseScope, u64)> {
        self.current.filter(|&(_, until_ms)| now_ms < until_ms)
    }

    /// Whether a command waits now; times are on the monotonic clock.
    #[inline]
    pub fn holds(&self, is_write: bool, now_ms: u64) -> bool {
        if self.current.is_none() {
            return false;
        }
        match self.at(now_ms) {
            Some((PauseScope::All, _)) => true,
            Some((PauseScope::Writes, _)) => is_write,
            None => false,
        }
    }

    /// When the pause ends, on the monotonic clock.
    pub fn until_ms(&self) -> Option<u64> {
        self.current.map(|(_, until_ms)| until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_wider_and_longer_only() {
        let mut pause = Pause::default();
        pause.extend(PauseScope::Writes, 100, 0);
        assert!(pause.holds(true, 99) && !pause.holds(false, 99) && !pause.holds(true, 100));
        pause.extend(PauseScope::All, 50, 10);
        assert!(pause.holds(false, 99), "wider, and as long as before");
        pause.extend(PauseScope::Writes, 300, 200);
        assert!(
            !pause.holds(false, 250) && pause.holds(true, 250),
            "the old pause is over"
        );
        pause.end();
        assert!(!pause.holds(true, 250));
    }
}
