//! Key events that somebody listens to, until they are told.
//!
//! ```text
//!  rows   [ database, event, end ] [ … ]          in the order in which they happened
//!  keys   key of the first │ key of the second …  up to each one's end
//! ```
//!
//! Invariant: there is nothing here unless `notify-keyspace-events` has the class of an event and
//! somebody listens to a channel or a pattern.
//!
//! Not here: the messages that are made of it (`engine/`), channels (`messages/`).

use crate::base::event_classes::EventClasses;
use crate::keyspace::event::Event;

/// The event before, while those that repeat it are left out.
#[derive(Debug, Default)]
struct Repeated {
    is_joined: bool,
    last: Option<(usize, Event, Box<[u8]>)>,
}

impl Repeated {
    /// Whether an event is the same as the one before, and notes it.
    fn is_repeated(&mut self, database: usize, key: &[u8], event: Event) -> bool {
        let last = self.last.as_ref();
        let is_repeated = last.is_some_and(|(last_database, last_event, last_key)| {
            (*last_database, *last_event, &**last_key) == (database, event, key)
        });
        if !is_repeated {
            self.last = Some((database, event, key.into()));
        }
        is_repeated
    }
}

#[derive(Debug)]
struct Row {
    database: u32,
    event: Event,
    end: usize,
}

/// Events in the order in which they happened.
#[derive(Debug, Default)]
pub struct Announced {
    classes: EventClasses,
    keys: Vec<u8>,
    rows: Vec<Row>,
    repeated: Repeated,
}

impl Announced {
    /// Decides which events are kept from now on.
    pub(super) fn set_classes(&mut self, classes: EventClasses) {
        self.classes = classes;
    }

    /// Whether events of this class are kept.
    #[inline]
    pub(super) fn wants(&self, event: Event) -> bool {
        self.classes.has(EventClasses::of(event.class()))
    }

    /// Whether, from now on, an event that repeats the one before is left out.
    pub(super) fn join_repeated(&mut self, is_joined: bool) {
        self.repeated.is_joined = is_joined;
        if !is_joined {
            self.repeated.last = None;
        }
    }

    /// Keeps an event, if it is of a class that is kept.
    pub(super) fn note(&mut self, database: usize, key: &[u8], event: Event) {
        let is_joined = self.repeated.is_joined;
        if is_joined && self.repeated.is_repeated(database, key, event) {
            return;
        }
        if self.wants(event) {
            self.keys.extend_from_slice(key);
            self.rows.push(Row {
                database: database as u32,
                event,
                end: self.keys.len(),
            });
        }
    }

    /// Whether there is no event.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The events: database, event and key.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Event, &[u8])> {
        let mut begin = 0;
        self.rows.iter().map(move |row| {
            let key = &self.keys[begin..row.end];
            begin = row.end;
            (row.database as usize, row.event, key)
        })
    }

    /// Takes the events out.
    pub(super) fn take(&mut self) -> Self {
        Self {
            classes: self.classes,
            keys: std::mem::take(&mut self.keys),
            rows: std::mem::take(&mut self.rows),
            repeated: Repeated::default(),
        }
    }
}
