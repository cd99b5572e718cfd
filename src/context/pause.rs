//! Until when whose commands wait: CLIENT PAUSE, and writes that a snapshot holds for a moment.
//!
//! Every pause holds writes back. While a client has asked for one, keys stay what they are: what
//! is due stays in memory, absent to readers, and nothing is evicted (`engine/`).

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseScope {
    /// Those that may change keys.
    Writes,
    /// All.
    All,
}

/// The present pause, if any. All times are on the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    current: Option<(PauseScope, u64)>,
    /// Until when writes are held for another reason than that a client asked for it.
    writes_until_ms: Option<u64>,
}

impl Pause {
    /// Begins a pause, or makes the present one longer and wider, never shorter or narrower.
    pub fn extend(&mut self, scope: PauseScope, until_ms: u64, now_ms: u64) {
        self.current = Some(match self.at(now_ms) {
            Some((old_scope, old_until_ms)) => (scope.max(old_scope), until_ms.max(old_until_ms)),
            None => (scope, until_ms),
        });
    }

    /// Holds writes until then, whatever clients ask for, or no longer.
    pub fn hold_writes(&mut self, until_ms: Option<u64>) {
        self.writes_until_ms = until_ms;
    }

    /// Ends the pause that clients asked for.
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
        self.current.is_some() || self.writes_until_ms.is_some()
    }

    /// Whether a client's pause keeps all keys as they are.
    #[inline]
    pub fn keeps_keys(&self, now_ms: u64) -> bool {
        self.at(now_ms).is_some()
    }

    /// Until when a client's pause keeps all keys as they are.
    #[inline]
    pub fn keeps_keys_until_ms(&self) -> Option<u64> {
        self.current.map(|(_, until_ms)| until_ms)
    }

    fn at(&self, now_ms: u64) -> Option<(PauseScope, u64)> {
        self.current.filter(|&(_, until_ms)| now_ms < until_ms)
    }

    /// Whether a command waits now; times are on the monotonic clock.
    #[inline]
    pub fn holds(&self, is_write: bool, now_ms: u64) -> bool {
        if !self.is_set() {
            return false;
        }
        if is_write
            && self
                .writes_until_ms
                .is_some_and(|until_ms| now_ms < until_ms)
        {
            return true;
        }
        match self.at(now_ms) {
            Some((PauseScope::All, _)) => true,
            Some((PauseScope::Writes, _)) => is_write,
            None => false,
        }
    }

    /// When nothing is held any more, on the monotonic clock.
    pub fn until_ms(&self) -> Option<u64> {
        self.keeps_keys_until_ms().max(self.writes_until_ms)
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

    #[test]
    fn writes_are_held_beside_what_clients_ask_for() {
        let mut pause = Pause::default();
        pause.hold_writes(Some(100));
        assert!(pause.is_set() && pause.until_ms() == Some(100));
        assert!(pause.holds(true, 99) && !pause.holds(false, 99) && !pause.holds(true, 100));
        pause.extend(PauseScope::All, 50, 10);
        assert!(pause.holds(false, 49) && pause.until_ms() == Some(100));
        pause.end();
        assert!(!pause.holds(false, 49) && pause.holds(true, 49));
        pause.extend(PauseScope::Writes, 300, 200);
        pause.hold_writes(None);
        assert!(pause.holds(true, 250) && pause.until_ms() == Some(300));
    }
}
