//! Commands that compare a string before they do something, and digests to compare by.
//!
//! ```text
//!  IFEQ value     equal          IFDEQ digest   with this digest
//!  IFNE value     another        IFDNE digest   with another digest
//! ```
//!
//! A digest is the XXH3 of the value, 64 bits, as 16 hexadecimal digits.
//!
//! Not here: SET, which compares, too (`write.rs`).

use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::EntryRef;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] = &[&DELEX, &DELIFEQ, &DIGEST];

const NO_DIGEST: ReplyError = ReplyError::fixed("ERR must be exactly 16 hexadecimal characters");
const NO_STRING: ReplyError =
    ReplyError::fixed("ERR Key should be of string type if conditions are specified");
const NO_CONDITION: ReplyError =
    ReplyError::fixed("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");

/// Hexadecimal digits of a digest.
const DIGEST_LEN: usize = 16;

/// What a string is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comparison<'a> {
    with: &'a [u8],
    by_digest: bool,
    is_negated: bool,
}

impl<'a> Comparison<'a> {
    /// Reads a word and what stands after it; `None` if the word is none of these.
    pub(super) fn read(word: &[u8], with: &'a [u8]) -> Option<Self> {
        const WORDS: [(&[u8], bool, bool); 4] = [
            (b"ifeq", false, false),
            (b"ifne", false, true),
            (b"ifdeq", true, false),
            (b"ifdne", true, true),
        ];
        let mut words = WORDS.into_iter();
        let (_, by_digest, is_negated) =
            words.find(|(name, ..)| word.eq_ignore_ascii_case(name))?;
        Some(Self {
            with,
            by_digest,
            is_negated,
        })
    }

    /// Whether it is true of a string.
    ///
    /// # Errors
    /// If a digest has another length than digests have.
    pub(super) fn holds(&self, value: &StringValue<'_>) -> Result<bool, ReplyError> {
        let is_equal = match self.by_digest {
            true if self.with.len() != DIGEST_LEN => return Err(NO_DIGEST),
            true => digest_text(value)
                .as_bytes()
                .eq_ignore_ascii_case(self.with),
            false => value.text(&mut itoa::Buffer::new()) == self.with,
        };
        Ok(is_equal != self.is_negated)
    }

    /// Whether it is true where there is no string.
    pub(super) fn holds_of_none(&self) -> bool {
        self.is_negated
    }
}

fn digest_text(value: &StringValue<'_>) -> String {
    format!("{:0DIGEST_LEN$x}", value.digest())
}

static DELEX: CommandSpec = family::STRING
    .command(
        "delex",
        "key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]",
        delex,
    )
    .summary("Deletes a key, if its value or the digest of that is as it should be.")
    .since("8.4.0")
    .cost("O(1), O(length of the value) with a digest")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::TAKE);

fn delex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let comparison = match args.len() {
        2 => None,
        4 => Some((args.get(2), args.get(3))),
        _ => return Err(ReplyError::wrong_arity("delex")),
    };
    let key = context.key(args, 1);
    let mut mutation = context.mutate();
    let holds = match (mutation.find(key), comparison) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(entry), Some((word, with))) => {
            let value = entry.as_string().map_err(|_| NO_STRING)?;
            Comparison::read(word, with)
                .ok_or(NO_CONDITION)?
                .holds(&value)?
        }
    };
    let is_deleted = holds && mutation.remove(key);
    context.reply.integer(i64::from(is_deleted));
    Ok(())
}

static DELIFEQ: CommandSpec = family::STRING
    .command("delifeq", "key value", delifeq)
    .summary("Deletes a key if it holds this string.")
    .since("9.0.0")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::TAKE);

fn delifeq(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let mut mutation = context.mutate();
    let value = mutation.find(key).map(EntryRef::as_string).transpose()?;
    let mut buffer = itoa::Buffer::new();
    let is_equal = value.is_some_and(|value| value.text(&mut buffer) == args.get(2));
    let is_deleted = is_equal && mutation.remove(key);
    context.reply.integer(i64::from(is_deleted));
    Ok(())
}

static DIGEST: CommandSpec = family::STRING
    .command("digest", "key", digest)
    .summary("Returns the digest of a string, null if there is no such key.")
    .since("8.4.0")
    .cost("O(length of the value)")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS));

fn digest(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    context.read_string(key, |reply, value| match value {
        Some(value) => reply.bulk(digest_text(&value).as_bytes()),
        None => reply.null(),
    })?;
    Ok(())
}
