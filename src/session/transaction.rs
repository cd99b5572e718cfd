//! MULTI, its queue, and WATCH.
//!
//! Not here: what EXEC does (`command/transactions.rs`); versions of keys (`keyspace/interest/`).

use crate::base::command_id::CommandId;
use crate::keyspace::Watch;
use crate::protocol::args::OwnedArgs;

/// A command that waits for EXEC.
#[derive(Debug)]
pub struct QueuedCommand {
    /// Which command it is.
    pub command: CommandId,
    /// Its arguments, the name included.
    pub args: OwnedArgs,
}

/// What the gates ask a command for, and EXEC for all that is queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// It may change keys.
    pub is_write: bool,
    /// It runs a script, which may.
    pub runs_script: bool,
    /// It may need more memory.
    pub takes_memory: bool,
}

impl Demands {
    /// Whether it may change keys by itself or by a script.
    #[inline]
    pub fn may_write(self) -> bool {
        self.is_write || self.runs_script
    }

    /// Those of two commands together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            is_write: self.is_write || other.is_write,
            runs_script: self.runs_script || other.runs_script,
            takes_memory: self.takes_memory || other.takes_memory,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    is_open: bool,
    is_broken: bool,
    demands: Demands,
    queue: Vec<QueuedCommand>,
    queue_bytes: usize,
    watches: Vec<Watch>,
    /// How many changes of keys there had been when the first of them began.
    watching_since: u64,
    watches_bytes: usize,
}

/// A session's transaction: none, watching only, or open.
#[derive(Debug, Default)]
pub struct Transaction {
    // Absent for a session that neither watches nor queues: one word in an idle client.
    state: Option<Box<State>>,
}

impl Transaction {
    fn state(&mut self) -> &mut State {
        self.state.get_or_insert_default()
    }

    /// Whether MULTI was called and neither EXEC nor DISCARD since.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.is_open)
    }

    /// Begins to queue.
    pub fn open(&mut self) {
        self.state().is_open = true;
    }

    /// Adds a command to the queue.
    pub fn queue(&mut self, command: CommandId, args: OwnedArgs, demands: Demands) {
        let state = self.state();
        state.queue_bytes += args.heap_bytes() + size_of::<QueuedCommand>();
        state.demands = state.demands.and(demands);
        state.queue.push(QueuedCommand { command, args });
    }

    /// Notes that a command could not be queued: EXEC must refuse.
    #[inline]
    pub fn note_error(&mut self) {
        if let Some(state) = &mut self.state {
            state.is_broken |= state.is_open;
        }
    }

    /// Whether [`Transaction::note_error`] was called since MULTI.
    pub fn is_broken(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.is_broken)
    }

    /// What the queued commands ask for.
    pub fn demands(&self) -> Demands {
        self.state
            .as_ref()
            .map_or_else(Demands::default, |state| state.demands)
    }

    /// The commands that wait for EXEC.
    pub fn queued(&self) -> &[QueuedCommand] {
        self.state.as_ref().map_or(&[], |state| &state.queue)
    }

    /// How many commands are queued, or `None` outside MULTI.
    pub fn queue_len(&self) -> Option<usize> {
        self.state
            .as_ref()
            .filter(|state| state.is_open)
            .map(|state| state.queue.len())
    }

    /// Ends the transaction and returns its queue; the watches stay until [`Transaction::unwatch`].
    pub fn close(&mut self) -> Vec<QueuedCommand> {
        let Some(state) = &mut self.state else {
            return Vec::new();
        };
        let queue = std::mem::take(&mut state.queue);
        let watches = std::mem::take(&mut state.watches);
        let (watches_bytes, watching_since) = (state.watches_bytes, state.watching_since);
        self.state = (!watches.is_empty()).then(|| {
            Box::new(State {
                watches,
                watching_since,
                watches_bytes,
                ..State::default()
            })
        });
        queue
    }

    /// Remembers a watched key, after so many changes of keys.
    pub fn watch(&mut self, watch: Watch, changes: u64) {
        let state = self.state();
        if state.watches.is_empty() {
            state.watching_since = changes;
        }
        // The keyspace has a copy of the key (`keyspace/interest/`).
        state.watches_bytes += 2 * watch.key.len() + size_of::<Watch>();
        state.watches.push(watch);
    }

    /// The watched keys.
    pub fn watches(&self) -> &[Watch] {
        self.state.as_ref().map_or(&[], |state| &state.watches)
    }

    /// How many changes of keys there had been when the first of them began.
    pub fn watching_since(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.watching_since)
    }

    /// Forgets the watched keys and returns them, for the keyspace to release.
    pub fn unwatch(&mut self) -> Vec<Watch> {
        let Some(state) = &mut self.state else {
            return Vec::new();
        };
        let watches = std::mem::take(&mut state.watches);
        state.watches_bytes = 0;
        if !state.is_open {
            self.state = None;
        }
        watches
    }

    /// Bytes of the queue.
    pub fn queue_bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.queue_bytes)
    }

    /// Bytes of queue and watches.
    pub fn used_bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| {
            size_of::<State>() + state.queue_bytes + state.watches_bytes
        })
    }
}
