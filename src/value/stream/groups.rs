//! Groups, consumers and pending entries come, change and go.
//!
//! Cost: O(log n) each; a consumer that goes takes its pending entries along one by one, a group
//! all of its own at once.
//!
//! Not here: entries (`write.rs`).

use super::id::StreamId;
use super::read::{Found, locate};
use super::rows::{
    Consumer, GROUPS_SCORE, Owner, Pending, StreamGroup, consumer_key, name_key, name_row,
};
use super::text_of;
use super::write::StreamMut;
use crate::structures::block::Element;
use crate::structures::item::Code;
use crate::value::collection::Home;

impl<H: Home> StreamMut<H> {
    /// Writes a row that begins with `key`, over the one that does if there is one.
    fn put_row(&mut self, score: f64, key: &[u8], row: &[u8]) {
        let (tree, store) = self.tree();
        let place = locate(tree, store, score, key);
        let element = Element::scored(score, Code::of_text(row));
        if place.is_found() {
            tree.replace(store, place, &element);
        } else {
            tree.insert(store, place, &element);
        }
    }

    /// Removes the row that begins with `key`; whether there was one.
    fn remove_row(&mut self, score: f64, key: &[u8]) -> bool {
        let (tree, store) = self.tree();
        let place = locate(tree, store, score, key);
        let is_found = place.is_found();
        if is_found {
            tree.remove(store, place);
        }
        is_found
    }

    /// Removes all rows of an owner at once.
    fn remove_rows(&mut self, owner: Owner) {
        let ranks = self.read().ranks_of(owner);
        let (tree, store) = self.tree();
        tree.remove_ranks(store, ranks);
    }

    /// Adds a group, unless there is one of its name; whether there was none.
    pub fn create_group(
        &mut self,
        name: &[u8],
        last_id: StreamId,
        entries_read: Option<u64>,
    ) -> bool {
        let stream = self.read();
        if stream.group(name).is_some() {
            return false;
        }
        let mut head = stream.head();
        let group = StreamGroup {
            last_id,
            entries_read,
            owner: head.new_owner(),
        };
        self.set_head(head);
        self.update_group(name, &group);
        true
    }

    /// Writes what has changed in a group that was found since the stream was last changed;
    /// it is returned.
    pub fn write_group(&mut self, group: Found<StreamGroup>) -> StreamGroup {
        self.write_end(group.place, &group.row.to_bytes());
        group.row
    }

    /// Writes what has changed in a consumer that was found since the stream was last
    /// changed; it is returned.
    pub fn write_consumer(&mut self, consumer: Found<Consumer>) -> Consumer {
        self.write_end(consumer.place, &consumer.row.to_bytes());
        consumer.row
    }

    /// Writes what has changed in a group.
    pub fn update_group(&mut self, name: &[u8], group: &StreamGroup) {
        let key = name_key(name);
        let row = [&key[..], &group.to_bytes()].concat();
        self.put_row(GROUPS_SCORE, &key, &row);
    }

    /// Removes a group with all that belongs to it.
    pub fn destroy_group(&mut self, name: &[u8], group: &StreamGroup) {
        let consumers = self.read().consumers(group);
        let owners: Vec<Owner> = consumers.map(|(_, consumer)| consumer.owner).collect();
        for owner in owners {
            self.remove_rows(owner);
        }
        self.remove_rows(group.owner);
        self.remove_row(GROUPS_SCORE, &name_key(name));
    }

    /// Adds a consumer, of whose name there is none in the group.
    pub fn create_consumer(&mut self, group: &StreamGroup, name: &[u8], now_ms: u64) -> Consumer {
        let mut head = self.read().head();
        let consumer = Consumer {
            seen_ms: now_ms,
            active_ms: None,
            owner: head.new_owner(),
        };
        self.set_head(head);
        self.update_consumer(group, name, &consumer);
        self.put_row(consumer.owner.score(), b" ", &name_row(name));
        consumer
    }

    /// Writes what has changed in a consumer.
    pub fn update_consumer(&mut self, group: &StreamGroup, name: &[u8], consumer: &Consumer) {
        let key = consumer_key(name);
        let row = [&key[..], &consumer.to_bytes()].concat();
        self.put_row(group.owner.score(), &key, &row);
    }

    /// Removes a consumer with its pending entries; how many those were. O(their number).
    pub fn delete_consumer(
        &mut self,
        group: &StreamGroup,
        name: &[u8],
        consumer: &Consumer,
    ) -> u64 {
        let stream = self.read();
        let own = stream.pending_of(consumer.owner, StreamId::MIN);
        let ids: Vec<StreamId> = own.collect();
        for id in &ids {
            self.remove_row(group.owner.score(), &id.key());
        }
        self.remove_rows(consumer.owner);
        self.remove_row(group.owner.score(), &consumer_key(name));
        ids.len() as u64
    }

    /// Writes a pending entry, new or known, and gives it to its consumer, whoever had it.
    pub fn put_pending(&mut self, group: &StreamGroup, pending: &Pending) {
        let key = pending.id.key();
        let score = group.owner.score();
        let (tree, store) = self.tree();
        let place = locate(tree, store, score, &key);
        let old = tree.element(store, &place);
        let old = old.and_then(|old| Pending::read(text_of(old)));
        let row = pending.row();
        let element = Element::scored(score, Code::of_text(&row));
        if place.is_found() {
            tree.replace(store, place, &element);
        } else {
            tree.insert(store, place, &element);
        }
        let old = old.map(|old| old.consumer);
        if old == Some(pending.consumer) {
            return;
        }
        if let Some(old) = old {
            self.remove_row(old.score(), &key);
        }
        self.put_row(pending.consumer.score(), &key, &key);
    }

    /// Removes a pending entry; whether it was one.
    pub fn remove_pending(&mut self, group: &StreamGroup, id: StreamId) -> bool {
        let Some(found) = self.read().find_pending(group, id) else {
            return false;
        };
        let (tree, store) = self.tree();
        tree.remove(store, found.place);
        self.remove_row(found.row.consumer.score(), &id.key());
        true
    }
}
