//! Members with their scores on their way from the keys they were found in to another one, which
//! may be one of those.
//!
//! Cost: a copy of all members, and the time to insert them.
//!
//! Not here: what storing does to the key (`keyspace/mutation/collection.rs`).

use crate::context::Context;
use crate::keyspace::{Event, Key};
use crate::value::sorted_set::{Scored, SortedSet};

/// Copies of members.
#[derive(Default)]
pub(in crate::command) struct StoredMembers {
    texts: Vec<u8>,
    /// The length of each text, and its score.
    scores: Vec<(usize, f64)>,
}

impl StoredMembers {
    /// Copies members.
    pub(in crate::command) fn copy<'a>(members: impl Iterator<Item = Scored<'a>>) -> Self {
        let mut copy = Self::default();
        for (member, score) in members {
            let mut buffer = itoa::Buffer::new();
            let text = member.text(&mut buffer);
            copy.texts.extend_from_slice(text);
            copy.scores.push((text.len(), score));
        }
        copy
    }

    /// Makes a key hold these members and nothing else; without any it is deleted. Replies how
    /// many they are.
    pub(in crate::command) fn store(self, context: &mut Context<'_>, key: Key<'_>, event: Event) {
        let count = self.scores.len() as i64;
        if count == 0 {
            context.mutate().remove(key);
            context.reply.integer(0);
            return;
        }
        context.mutate().store::<SortedSet>(key, event, |set| {
            let longest = self.scores.iter().map(|(len, _)| *len).max();
            set.note_size(count as u64, longest.unwrap_or_default());
            let mut rest = &self.texts[..];
            for &(len, score) in &self.scores {
                let (member, after) = rest.split_at(len);
                set.put(member, score);
                rest = after;
            }
        });
        context.reply.integer(count);
    }
}
