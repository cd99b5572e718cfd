//! Who computes a missing value, and who waits for it.
//!
//! ```text
//!  join(key) ─┬─ nobody computes it ─▶ pilot ─ computes ─┬─ lands with the value
//!             │                                          └─ dropped: failed or panicked
//!             └─ somebody does ─▶ passenger ─ waits ─▶ the value, or nothing: join again
//! ```
//!
//! 1. A key has one flight at most, and it ends with its pilot, however that ends.
//! 2. No lock is held while a value is computed.
//!
//! Not here: looking the key up and keeping the value (`mod.rs`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The flights under way, by key.
#[derive(Default)]
pub(super) struct Flights {
    by_key: Mutex<HashMap<Vec<u8>, Arc<Flight>>>,
}

/// One computation of a value.
#[derive(Default)]
pub(super) struct Flight {
    state: Mutex<State>,
    has_ended: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    UnderWay,
    Landed(Vec<u8>),
    Failed,
}

/// What a caller is to do.
pub(super) enum Seat<'a> {
    /// Compute.
    Pilot(Pilot<'a>),
    /// Wait.
    Passenger(Arc<Flight>),
}

/// Whoever computes; ends the flight when it goes.
pub(super) struct Pilot<'a> {
    flights: &'a Flights,
    key: Vec<u8>,
    flight: Arc<Flight>,
}

impl Flights {
    /// Takes a seat in the flight for a key, which begins if there is none.
    pub(super) fn join(&self, key: &[u8]) -> Seat<'_> {
        match lock(&self.by_key).entry(key.to_vec()) {
            Entry::Occupied(entry) => Seat::Passenger(Arc::clone(entry.get())),
            Entry::Vacant(entry) => {
                let flight = Arc::clone(entry.insert(Arc::default()));
                let key = key.to_vec();
                let flights = self;
                Seat::Pilot(Pilot {
                    flights,
                    key,
                    flight,
                })
            }
        }
    }
}

impl Flight {
    /// Waits for the end: the value, or nothing if there is none.
    pub(super) fn wait(&self) -> Option<Vec<u8>> {
        let mut state = lock(&self.state);
        loop {
            match &*state {
                State::UnderWay => {
                    let woken = self.has_ended.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                State::Landed(value) => return Some(value.clone()),
                State::Failed => return None,
            }
        }
    }

    fn end(&self, end: State) {
        let mut state = lock(&self.state);
        if matches!(*state, State::UnderWay) {
            *state = end;
            self.has_ended.notify_all();
        }
    }
}

impl Pilot<'_> {
    /// Ends the flight with the value.
    pub(super) fn land(self, value: Vec<u8>) {
        self.flight.end(State::Landed(value));
    }
}

impl Drop for Pilot<'_> {
    fn drop(&mut self) {
        // First off the list: who is woken to try again must find it gone.
        lock(&self.flights.by_key).remove(&self.key);
        self.flight.end(State::Failed);
    }
}

/// No caller's code runs under these locks, so what they guard is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
