//! The connections of a server, and which of them have something due.
//!
//! ```text
//!  ConnectionId ─▶ slots ─ generation ─▶ Connection ── buffers ── Pool
//!
//!  its own replies    ─▶ append_to ─▶ its output ─▶ output list ─▶ the loop writes them
//!  … that others wake ─▶ append_unhurried ─▶ its output ─▶ unhurried row ─▶ … when there is time
//!  what others cause  ─▶ deliver_to ─▶ its output ─▶ unhurried row ─▶ … when there is time
//!  it may go on       ─▶ resume_soon ─────────────▶ ready list  ─▶ Node::resume
//!  it is over         ─▶ close_soon ──────────────▶ close list  ─▶ Node::closed
//! ```
//!
//! What answers a client goes through [`Clients::append_to`], whoever writes it: a batch of its
//! requests, a long read, an answer that comes later, a refusal. Replies of whole values are
//! written by [`Node::write_to`], which knows the client's dialect. What comes to many clients
//! because one of them did something goes through [`Clients::deliver_to`]: nobody waits for it.
//!
//! Invariants: an id reaches the connection it was given to, or none; a connection with new output
//! stands in the output list once or in the unhurried row once, or in both; one that is to be
//! closed in the close list once. The other lists may hold an id several times or after its
//! connection has ended, and so may the row.
//!
//! Cost: each access is an index and, for ids that may be stale ([`Clients::get`]), a comparison.
//!
//! Not here: what a connection is (`connection.rs`), when it goes on (`run.rs`, `waiting.rs`).

use super::Node;
use super::buffers::Pool;
use super::connection::{Connection, ConnectionId, Phase};
use crate::protocol::reply::ReplyWriter;
use crate::session::SessionKey;
use slab::Slab;
use std::collections::VecDeque;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// All connections. Indexed by the id of one that is known to be there.
pub(super) struct Clients {
    slots: Slab<Connection>,
    /// How often each slot was given away before.
    generations: Vec<u32>,
    /// Memory of buffers that nobody uses.
    pub(super) pool: Pool,
    output_list: Vec<ConnectionId>,
    unhurried_row: VecDeque<ConnectionId>,
    close_list: Vec<ConnectionId>,
    ready_list: Vec<ConnectionId>,
}

impl Clients {
    /// Room for `count` connections from the start.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            slots: Slab::with_capacity(count),
            generations: Vec::with_capacity(count),
            pool: Pool::default(),
            output_list: Vec::new(),
            unhurried_row: VecDeque::new(),
            close_list: Vec::new(),
            ready_list: Vec::new(),
        }
    }

    /// Makes room so that there may be `count` connections before a slab has to grow.
    pub(super) fn reserve(&mut self, count: usize) {
        self.slots.reserve(count.saturating_sub(self.slots.len()));
        let unnumbered = count.saturating_sub(self.generations.len());
        self.generations.reserve(unnumbered);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Begins a connection for a session.
    pub(super) fn insert(&mut self, session: SessionKey) -> ConnectionId {
        let vacancy = self.slots.vacant_entry();
        let slot = vacancy.key();
        if slot == self.generations.len() {
            self.generations.push(0);
        }
        let generation = self.generations[slot];
        vacancy.insert(Connection::new(generation, session));
        ConnectionId {
            slot: slot as u32,
            generation,
        }
    }

    /// Ends a connection that is there, and takes its input's memory back.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Connection {
        debug_assert!(self.get(id).is_some());
        let mut connection = self.slots.remove(id.slot as usize);
        connection.input.clear(&mut self.pool);
        let generation = &mut self.generations[id.slot as usize];
        *generation = generation.wrapping_add(1);
        connection
    }

    /// The connection of an id, unless it has ended.
    #[inline]
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let connection = self.slots.get(id.slot as usize)?;
        (connection.generation == id.generation).then_some(connection)
    }

    /// The connection of an id, for change, unless it has ended.
    #[inline]
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let connection = self.slots.get_mut(id.slot as usize)?;
        (connection.generation == id.generation).then_some(connection)
    }

    /// As [`Clients::get_mut`], with the memory that the connection's buffers come from.
    #[inline]
    pub(super) fn get_with_pool(
        &mut self,
        id: ConnectionId,
    ) -> Option<(&mut Connection, &mut Pool)> {
        let connection = self.slots.get_mut(id.slot as usize)?;
        (connection.generation == id.generation).then_some((connection, &mut self.pool))
    }

    /// A connection that is there, and the memory that its buffers come from.
    #[inline]
    pub(super) fn with_pool(&mut self, id: ConnectionId) -> (&mut Connection, &mut Pool) {
        let connection = &mut self.slots[id.slot as usize];
        debug_assert_eq!(connection.generation, id.generation);
        (connection, &mut self.pool)
    }

    /// All connections. O(slots).
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        (self.slots.iter()).map(|(slot, connection)| (id_of(slot, connection), connection))
    }

    /// Slots there are, given away or not.
    pub(super) fn slot_count(&self) -> usize {
        self.generations.len()
    }

    /// Whoever has a slot.
    pub(super) fn in_slot(&self, slot: usize) -> Option<(ConnectionId, &Connection)> {
        let connection = self.slots.get(slot)?;
        Some((id_of(slot, connection), connection))
    }

    /// Lets `write` append to the output of a connection that is there; it is told how many of the
    /// bytes before are written already. What it appends is sent in this turn.
    #[inline]
    pub(super) fn append_to<R>(
        &mut self,
        id: ConnectionId,
        write: impl FnOnce(&mut Vec<u8>, usize) -> R,
    ) -> R {
        let (connection, result) = self.append(id, write);
        if !connection.output.is_empty() && !connection.is_in_output_list {
            connection.is_in_output_list = true;
            self.output_list.push(id);
        }
        result
    }

    /// As [`Clients::append_to`]; what it appends is sent when there is time, because others have
    /// caused it, and it may come to thousands.
    pub(super) fn append_unhurried<R>(
        &mut self,
        id: ConnectionId,
        write: impl FnOnce(&mut Vec<u8>, usize) -> R,
    ) -> R {
        let (_, result) = self.append(id, write);
        self.write_unhurried(id);
        result
    }

    #[inline]
    fn append<R>(
        &mut self,
        id: ConnectionId,
        write: impl FnOnce(&mut Vec<u8>, usize) -> R,
    ) -> (&mut Connection, R) {
        let connection = &mut self.slots[id.slot as usize];
        debug_assert_eq!(connection.generation, id.generation);
        let (out, written_bytes) = connection.output.appendable(&mut self.pool);
        let result = write(out, written_bytes);
        connection.output.release_if_empty(&mut self.pool);
        (connection, result)
    }

    /// Adds to the output of a connection that is there what others than its client have caused,
    /// which may come to thousands: it is sent when there is time, and long bytes are not copied.
    pub(super) fn deliver_to(&mut self, id: ConnectionId, bytes: &Arc<[u8]>) {
        let (connection, pool) = self.with_pool(id);
        connection.output.push_shared(bytes, pool);
        self.write_unhurried(id);
    }

    /// Has the output of a connection written when there is time, if it has some.
    pub(super) fn write_unhurried(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get_mut(id)
            && !connection.is_in_unhurried_row
            && !connection.output.is_empty()
        {
            connection.is_in_unhurried_row = true;
            self.unhurried_row.push_back(id);
        }
    }

    /// The first of the row of those whose output is written when there is time.
    pub(super) fn next_unhurried(&mut self) -> Option<ConnectionId> {
        let id = self.unhurried_row.pop_front()?;
        if let Some(connection) = self.get_mut(id) {
            connection.is_in_unhurried_row = false;
        }
        Some(id)
    }

    /// Whether somebody stands in that row.
    #[inline]
    pub(super) fn has_unhurried(&self) -> bool {
        !self.unhurried_row.is_empty()
    }

    /// How long that row is.
    #[inline]
    pub(super) fn unhurried_len(&self) -> usize {
        self.unhurried_row.len()
    }

    /// Connections that have output since the last call.
    pub(super) fn take_output_list(&mut self) -> Vec<ConnectionId> {
        let list = std::mem::take(&mut self.output_list);
        for id in &list {
            if let Some(connection) = self.get_mut(*id) {
                connection.is_in_output_list = false;
            }
        }
        list
    }

    /// Uses the memory of a list that was taken for the next.
    pub(super) fn return_output_list(&mut self, mut list: Vec<ConnectionId>) {
        list.clear();
        if self.output_list.is_empty() {
            self.output_list = list;
        }
    }

    /// Has a connection go on in the next turn, if it is still there then.
    #[inline]
    pub(super) fn resume_soon(&mut self, id: ConnectionId) {
        self.ready_list.push(id);
    }

    /// Whether a connection is to go on.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready_list.is_empty()
    }

    /// Connections that may go on.
    pub(super) fn take_ready_list(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.ready_list)
    }

    /// Has a connection closed, whatever it still has to do, if it has not ended yet.
    pub(super) fn close_soon(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get_mut(id)
            && !connection.has_ended()
        {
            connection.enter(Phase::Ended);
            self.close_list.push(id);
        }
    }

    /// Has a connection closed that has nothing left to do: it is closing, or its client sent all
    /// it ever will, and everything is executed and written.
    pub(super) fn close_if_finished(&mut self, id: ConnectionId) {
        if self.get(id).is_some_and(Connection::is_finished) {
            self.close_soon(id);
        }
    }

    /// Connections whose end has come.
    pub(super) fn take_close_list(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.close_list)
    }

    /// Connections there is memory for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }
}

fn id_of(slot: usize, connection: &Connection) -> ConnectionId {
    ConnectionId {
        slot: slot as u32,
        generation: connection.generation,
    }
}

impl Index<ConnectionId> for Clients {
    type Output = Connection;

    #[inline]
    fn index(&self, id: ConnectionId) -> &Connection {
        let connection = &self.slots[id.slot as usize];
        debug_assert_eq!(connection.generation, id.generation);
        connection
    }
}

impl IndexMut<ConnectionId> for Clients {
    #[inline]
    fn index_mut(&mut self, id: ConnectionId) -> &mut Connection {
        let connection = &mut self.slots[id.slot as usize];
        debug_assert_eq!(connection.generation, id.generation);
        connection
    }
}

impl Node {
    /// Lets `write` append a reply to the output of a connection that is there, in its client's
    /// dialect. The caller counts it ([`Node::note_buffers`]), unless that follows anyhow.
    pub(super) fn write_to(&mut self, id: ConnectionId, write: impl FnOnce(&mut ReplyWriter<'_>)) {
        let dialect = self.engine.session(self.clients[id].session).dialect;
        (self.clients).append_to(id, |out, _| write(&mut ReplyWriter::new(out, dialect)));
    }
}
