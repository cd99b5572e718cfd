//! Requests that wait for one of their keys.
//!
//! ```text
//!  handler ─▶ looks at its keys, if Context::may_serve ─┬─ something is there: it replies
//!                                                      └─ nothing: Context::wait_for_keys
//!                                                           ├─ true: it replies nothing
//!                                                           └─ false: it is timed out
//! ```
//!
//! A handler is written once: it is called again by whoever finds a key of it ready, looks at that
//! key alone, and waits on if it calls [`Context::wait_for_keys`] again.
//!
//! Not here: who is called again, and when (`engine/blocking.rs`).

use super::Context;
use super::outbox::Wait;
use crate::keyspace::Waiter;
use crate::protocol::args::{Args, OwnedArgs};
use crate::session::blocked::Blocked;
use crate::value::kind::Kind;
use std::ops::Range;

/// Why a request is executed again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Woken<'a> {
    /// The key that is ready.
    pub(crate) key: &'a [u8],
    /// Whether it found nothing.
    pub(crate) waits_on: bool,
}

/// What a request waits for.
#[derive(Clone, Debug)]
pub(crate) struct KeyWait {
    /// Those of its arguments that are the keys.
    pub(crate) keys: Range<usize>,
    /// The type that a key must have to be looked at.
    pub(crate) kind: Kind,
    /// For how long, in milliseconds; `None` for ever.
    pub(crate) timeout_ms: Option<u64>,
    /// Whether it is also called again when a key has gone or holds another type.
    pub(crate) hears_all: bool,
}

impl Context<'_> {
    /// Whether the present request may take from this key of its own: any, unless it waited and is
    /// executed again for one of them.
    pub(crate) fn may_serve(&self, key: &[u8]) -> bool {
        self.woken.is_none_or(|woken| woken.key == key)
    }

    /// Lets the present request wait, and be executed again as `request` when one of its keys is
    /// ready; the handler writes no reply then. False if it may not wait: within EXEC, and in the
    /// library.
    pub(crate) fn wait_for_keys(&mut self, request: Args<'_>, wait: KeyWait) -> bool {
        if let Some(woken) = &mut self.woken {
            woken.waits_on = true;
            return true;
        }
        if !self.may_wait {
            return false;
        }
        let database = self.database();
        let waiter = Waiter {
            client: self.key.number(),
            kind: wait.kind,
            hears_all: wait.hears_all,
        };
        let keys = wait.keys.map(|index| request.get(index));
        let key_bytes = keys.clone().map(|key| key.len() + Blocked::PLACE_BYTES);
        let session = self.sessions.get_mut(self.key);
        let command = session.last_command.expect("it is noted before it runs");
        session.blocked = Some(Box::new(Blocked {
            command,
            request: OwnedArgs::copy(request),
            keys_bytes: key_bytes.sum(),
            wait: self.keyspace.wait_for_keys(waiter, database, keys),
            spent_ns: 0,
            timer: None,
        }));
        let begin_ms = self.now.monotonic_us.div_ceil(1_000);
        let until_ms = (wait.timeout_ms).map(|timeout_ms| begin_ms.saturating_add(timeout_ms));
        self.answer_later(Wait::Keys { until_ms });
        true
    }
}
