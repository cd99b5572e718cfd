//! RANDOMKEY.
//!
//! Cost: some draws, of which the first or second hits as a rule. Only while nearly all keys of a
//! large database are due and not yet removed, the key is looked for in slices of the loop.

use crate::base::limits::SCAN_KEYS_MAX;
use crate::command::declare::family;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::Keyspace;
use crate::protocol::args::Args;
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;

pub(super) const COMMANDS: &[&CommandSpec] = &[&RANDOMKEY];

/// Buckets that one step of the search looks at: some ten microseconds.
const STEP_BUCKETS: usize = 32;

static RANDOMKEY: CommandSpec = family::GENERIC
    .command("randomkey", "", randomkey)
    .summary("Returns a key chosen at random.")
    .since("1.0.0")
    .flags(Flags::READ_ONLY)
    .keys(Keys::NONE);

fn randomkey(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let (database, now_ms) = (context.database(), context.now_ms());
    let key_count = context.keyspace.size(database).keys;
    match context.keyspace.random_key(database, now_ms) {
        Ok(entry) => context.reply.bulk(entry.key()),
        Err(cursor) => {
            let search = Search {
                database,
                cursor,
                has_wrapped: false,
            };
            if key_count <= SCAN_KEYS_MAX {
                context.answer_at_once(search);
            } else {
                context.answer_in_steps(search);
            }
        }
    }
    Ok(())
}

/// A walk to the first key that is not due, from a random place and then from the beginning.
#[derive(Debug)]
struct Search {
    database: usize,
    cursor: u64,
    has_wrapped: bool,
}

impl LongRead for Search {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        for _ in 0..STEP_BUCKETS {
            let mut is_found = false;
            self.cursor = keyspace.scan(self.database, self.cursor, now_ms, |entry| {
                if !is_found {
                    reply.bulk(entry.key());
                }
                is_found = true;
            });
            if is_found {
                return true;
            }
            if self.cursor == 0 && self.has_wrapped {
                reply.null();
                return true;
            }
            self.has_wrapped |= self.cursor == 0;
        }
        false
    }

    fn used_bytes(&self) -> usize {
        0
    }
}
