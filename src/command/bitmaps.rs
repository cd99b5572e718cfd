//! Strings as arrays of bits.
//!
//! Not here: the bit arithmetic (`value/bits.rs`, `value/bitfield.rs`).

use super::declare::access::Access;
use super::declare::family;
use super::declare::keys::{Keys, Part};
use super::declare::spec::{CommandSpec, Flags, Outcome};
use crate::base::numbers::parse_i64;
use crate::context::Context;
use crate::keyspace::{DeadlineChange, Event};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::bitfield::{self, BitfieldError, Field, FieldType, Overflow};
use crate::value::bits::{self, BitOperation, IndexUnit};
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &SETBIT,
    &GETBIT,
    &BITCOUNT,
    &BITPOS,
    &BITOP,
    &BITFIELD,
    &BITFIELD_RO,
];

impl From<BitfieldError> for ReplyError {
    fn from(error: BitfieldError) -> Self {
        Self::fixed(error.text())
    }
}

static SETBIT: CommandSpec = family::BITMAP
    .command("setbit", "key offset value", setbit)
    .summary("Sets or clears a bit of a string and returns what it was.")
    .since("2.2.0")
    .cost("O(1), plus the zero bytes that are filled in")
    .flags(Flags::WRITE.and(Flags::DENY_OOM));

fn setbit(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let offset = parse_bit_offset(context, args.get(2))?;
    let bit = match parse_i64(args.get(3)) {
        Some(bit @ (0 | 1)) => bit == 1,
        _ => return Err(ReplyError::BIT_VALUE),
    };
    let key = context.key(args, 1);
    let len_min = bits::bytes_needed(offset) as usize;
    context.room_to_grow(key, len_min)?;
    let mut old = false;
    context
        .mutate()
        .edit(key, len_min, Event::SetBit, |bytes| {
            old = bits::set_bit(bytes, offset, bit);
            old != bit
        })?;
    context.reply.integer(i64::from(old));
    Ok(())
}

fn parse_bit_offset(context: &Context<'_>, text: &[u8]) -> Result<u64, ReplyError> {
    Ok(bitfield::parse_offset(
        text,
        None,
        context.config.proto_max_bulk_bytes,
    )?)
}

static GETBIT: CommandSpec = family::BITMAP
    .command("getbit", "key offset", getbit)
    .summary("Returns a bit of a string, 0 beyond its end.")
    .since("2.2.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS));

fn getbit(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let offset = parse_bit_offset(context, args.get(2))?;
    let key = context.key(args, 1);
    context.read_string(key, |reply, value| {
        let bit = with_text(value, |text| bits::get_bit(text, offset));
        reply.integer(i64::from(bit));
    })?;
    Ok(())
}

/// Lends the text of a value, empty for a missing key.
fn with_text<R>(value: Option<StringValue<'_>>, look: impl FnOnce(&[u8]) -> R) -> R {
    let mut buffer = itoa::Buffer::new();
    look(value.map_or(&b""[..], |value| value.text(&mut buffer)))
}

fn parse_unit(text: &[u8]) -> Result<IndexUnit, ReplyError> {
    if text.eq_ignore_ascii_case(b"bit") {
        Ok(IndexUnit::Bit)
    } else if text.eq_ignore_ascii_case(b"byte") {
        Ok(IndexUnit::Byte)
    } else {
        Err(ReplyError::SYNTAX)
    }
}

static BITCOUNT: CommandSpec = family::BITMAP
    .command("bitcount", "key [start end [BYTE | BIT]]", bitcount)
    .summary("Counts the bits that are set in a string or a part of it.")
    .since("2.6.0")
    .cost("O(length)")
    .flags(Flags::READ_ONLY);

fn bitcount(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    context.read_string(key, |reply, value| {
        if value.is_none() {
            reply.integer(0);
            return Ok(());
        }
        let count = match args.len() {
            2 => with_text(value, bits::count_ones),
            4 | 5 => {
                let start = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
                let end = parse_i64(args.get(3)).ok_or(ReplyError::NOT_INTEGER)?;
                let unit = if args.len() == 5 {
                    parse_unit(args.get(4))?
                } else {
                    IndexUnit::Byte
                };
                with_text(value, |text| {
                    bits::count_ones_between(text, start, end, unit)
                })
            }
            _ => return Err(ReplyError::SYNTAX),
        };
        reply.integer(count as i64);
        Ok(())
    })?
}

static BITPOS: CommandSpec = family::BITMAP
    .command("bitpos", "key bit [start [end [BYTE | BIT]]]", bitpos)
    .summary("Finds the first bit of a string that is set, or that is clear.")
    .since("2.8.7")
    .cost("O(length)")
    .flags(Flags::READ_ONLY);

fn bitpos(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let bit = match parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)? {
        0 => false,
        1 => true,
        _ => return Err(ReplyError::BIT_ARGUMENT),
    };
    let key = context.key(args, 1);
    context.read_string(key, |reply, value| {
        if value.is_none() {
            reply.integer(if bit { -1 } else { 0 });
            return Ok(());
        }
        if args.len() > 6 {
            return Err(ReplyError::SYNTAX);
        }
        let mut start = 0;
        let mut end = None;
        let mut unit = IndexUnit::Byte;
        if args.len() >= 4 {
            start = parse_i64(args.get(3)).ok_or(ReplyError::NOT_INTEGER)?;
        }
        if args.len() == 6 {
            unit = parse_unit(args.get(5))?;
        }
        if args.len() >= 5 {
            end = Some(parse_i64(args.get(4)).ok_or(ReplyError::NOT_INTEGER)?);
        }
        let position = with_text(value, |text| bits::position(text, bit, start, end, unit));
        reply.integer(position.map_or(-1, |position| position as i64));
        Ok(())
    })?
}

static BITOP: CommandSpec = family::BITMAP
    .command(
        "bitop",
        "<AND | OR | XOR | NOT> destkey key [key ...]",
        bitop,
    )
    .summary("Combines strings bit by bit into another and returns its length.")
    .since("2.6.0")
    .cost("O(total length)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[
        Part::at(2).access(Access::REPLACE),
        Part::at(3).through(-1, 1).access(Access::READ),
    ]));

const NOT_TAKES_ONE: ReplyError =
    ReplyError::fixed("ERR BITOP NOT must be called with a single source key.");

fn bitop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const NAMES: [(&[u8], BitOperation); 4] = [
        (b"and", BitOperation::And),
        (b"or", BitOperation::Or),
        (b"xor", BitOperation::Xor),
        (b"not", BitOperation::Not),
    ];
    let operation = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(args.get(1)));
    let &(_, operation) = operation.ok_or(ReplyError::SYNTAX)?;
    if operation == BitOperation::Not && args.len() != 4 {
        return Err(NOT_TAKES_ONE);
    }
    // One source after the other: all at once would be as much memory as the client names keys.
    let mut combined = Vec::new();
    let mut next = Vec::new();
    for index in 3..args.len() {
        let key = context.key(args, index);
        context.read_string(key, |_, value| {
            with_text(value, |text| {
                let pair = [&combined[..], text];
                let sources = if index == 3 { &pair[1..] } else { &pair[..] };
                bits::combine(operation, sources, &mut next);
            });
        })?;
        std::mem::swap(&mut combined, &mut next);
    }
    let key = context.key(args, 2);
    context.room_to_grow(key, combined.len())?;
    let mut mutation = context.mutate();
    if combined.is_empty() {
        mutation.remove(key);
    } else {
        mutation.set_edited(key, &combined, DeadlineChange::Clear, Event::Set);
    }
    context.reply.integer(combined.len() as i64);
    Ok(())
}

static BITFIELD: CommandSpec = family::BITMAP
    .command("bitfield", "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment> ...]", bitfield)
    .summary("Reads and changes integers of any width inside a string.")
    .since("3.2.0")
    .cost("O(1) for each operation, plus the zero bytes that are filled in")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .access_by_request(access_of_bitfield);

fn access_of_bitfield(request: Args<'_>) -> Access {
    match only_gets_fields(request) {
        true => Access::READ,
        false => Access::CHANGE,
    }
}

/// Whether a BITFIELD has no other operations than GET. What is malformed counts as a change.
fn only_gets_fields(request: Args<'_>) -> bool {
    let mut words = request.iter().skip(2);
    while let Some(word) = words.next() {
        let argument_count = match word {
            word if word.eq_ignore_ascii_case(b"get") => 2,
            word if word.eq_ignore_ascii_case(b"overflow") => 1,
            _ => return false,
        };
        if words.by_ref().take(argument_count).count() < argument_count {
            return false;
        }
    }
    true
}

static BITFIELD_RO: CommandSpec = family::BITMAP
    .command(
        "bitfield_ro",
        "key [GET encoding offset [GET encoding offset ...]]",
        bitfield_ro,
    )
    .summary("Reads integers of any width inside a string.")
    .since("6.0.0")
    .cost("O(1) for each operation")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS));

const GET_ONLY: ReplyError = ReplyError::fixed("ERR BITFIELD_RO only supports the GET subcommand");

#[derive(Clone, Copy)]
enum FieldAction {
    Get,
    Set(i64, Overflow),
    Increment(i64, Overflow),
}

impl FieldAction {
    fn is_write(self) -> bool {
        !matches!(self, Self::Get)
    }
}

fn parse_field_actions(
    args: Args<'_>,
    bulk_bytes_max: u64,
) -> Result<Vec<(Field, FieldAction)>, ReplyError> {
    let mut actions = Vec::new();
    let mut overflow = Overflow::default();
    let mut index = 2;
    while index < args.len() {
        let name = args.get(index);
        let rest = args.len() - index - 1;
        let is = |wanted: &[u8], count| name.eq_ignore_ascii_case(wanted) && rest >= count;
        if is(b"overflow", 1) {
            overflow = Overflow::parse(args.get(index + 1))?;
            index += 2;
            continue;
        }
        let makes: fn(i64, Overflow) -> FieldAction = match () {
            () if is(b"get", 2) => |_, _| FieldAction::Get,
            () if is(b"set", 3) => FieldAction::Set,
            () if is(b"incrby", 3) => FieldAction::Increment,
            () => return Err(ReplyError::SYNTAX),
        };
        let field_type = FieldType::parse(args.get(index + 1))?;
        let offset = bitfield::parse_offset(args.get(index + 2), Some(field_type), bulk_bytes_max)?;
        let mut action = makes(0, overflow);
        if action.is_write() {
            let number = parse_i64(args.get(index + 3)).ok_or(ReplyError::NOT_INTEGER)?;
            action = makes(number, overflow);
        }
        actions.push((Field { field_type, offset }, action));
        index += if action.is_write() { 4 } else { 3 };
    }
    Ok(actions)
}

fn bitfield(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let actions = parse_field_actions(args, context.config.proto_max_bulk_bytes)?;
    let writes = actions.iter().filter(|(_, action)| action.is_write());
    let Some(len_min) = writes.map(|(field, _)| field.bytes_needed()).max() else {
        return reply_fields(context, args, &actions);
    };
    let key = context.key(args, 1);
    context.room_to_grow(key, len_min as usize)?;
    let mut results = Vec::with_capacity(actions.len());
    context
        .mutate()
        .edit(key, len_min as usize, Event::SetBit, |bytes| {
            let mut is_changed = false;
            for (field, action) in &actions {
                let before = field.get(bytes);
                results.push(match *action {
                    FieldAction::Get => Some(before),
                    FieldAction::Set(value, overflow) => field.set(bytes, value, overflow),
                    FieldAction::Increment(by, overflow) => field.increment(bytes, by, overflow),
                });
                is_changed |= field.get(bytes) != before;
            }
            is_changed
        })?;
    context.reply.array(results.len());
    for result in results {
        match result {
            Some(number) => context.reply.integer(number),
            None => context.reply.null(),
        }
    }
    Ok(())
}

fn bitfield_ro(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let actions = parse_field_actions(args, context.config.proto_max_bulk_bytes)?;
    if actions.iter().any(|(_, action)| action.is_write()) {
        return Err(GET_ONLY);
    }
    reply_fields(context, args, &actions)
}

fn reply_fields(
    context: &mut Context<'_>,
    args: Args<'_>,
    actions: &[(Field, FieldAction)],
) -> Outcome {
    let key = context.key(args, 1);
    context.read_string(key, |reply, value| {
        with_text(value, |text| {
            reply.array(actions.len());
            for (field, _) in actions {
                reply.integer(field.get(text));
            }
        });
    })?;
    Ok(())
}
