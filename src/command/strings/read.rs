//! Commands that answer a string or a part of it.

use super::reply_string;
use crate::base::numbers::parse_i64;
use crate::command::arguments::expire::ExpireOption;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&GET, &STRLEN, &GETRANGE, &SUBSTR, &GETEX, &GETDEL];

static GET: CommandSpec = family::STRING
    .command("get", "key", get)
    .summary("Returns the string value of a key.")
    .since("1.0.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS));

fn get(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    context.read_string(key, reply_string)?;
    Ok(())
}

static STRLEN: CommandSpec = family::STRING
    .command("strlen", "key", strlen)
    .summary("Returns the length of a string in bytes, 0 if there is no such key.")
    .since("2.2.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS))
    .access(Access::LOOK);

fn strlen(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let len = context.read_string(key, |_, value| value.map_or(0, |value| value.len()))?;
    context.reply.integer(len as i64);
    Ok(())
}

static GETRANGE: CommandSpec = family::STRING
    .command("getrange", "key start end", getrange)
    .summary("Returns the bytes of a string from one index to another, both included.")
    .since("2.4.0")
    .cost("O(length of the answer)")
    .flags(Flags::READ_ONLY);

static SUBSTR: CommandSpec = family::STRING
    .command("substr", "key start end", getrange)
    .summary("An old name of GETRANGE.")
    .since("1.0.0")
    .cost("O(length of the answer)")
    .flags(Flags::READ_ONLY);

fn getrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let start = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let end = parse_i64(args.get(3)).ok_or(ReplyError::NOT_INTEGER)?;
    let key = context.key(args, 1);
    context.read_string(key, |reply, value| {
        let mut buffer = itoa::Buffer::new();
        let text = value
            .as_ref()
            .map_or(&b""[..], |value| value.text(&mut buffer));
        reply.bulk(slice_between(text, start, end));
    })?;
    Ok(())
}

/// The bytes between two indexes, both included; negative ones count from the end.
fn slice_between(text: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let len = text.len() as i64;
    let from_start = |index: i64| {
        if index < 0 {
            (len + index).max(0)
        } else {
            index
        }
    };
    let (start, end) = (from_start(start), from_start(end).min(len - 1));
    if start > end {
        b""
    } else {
        &text[start as usize..=end as usize]
    }
}

static GETEX: CommandSpec = family::STRING
    .command("getex", "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]", getex)
    .summary("Returns the string value of a key and sets, changes or removes its deadline.")
    .since("6.2.0")
    .cost("O(1), O(log N) with N keys that have a deadline")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS));

fn getex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut expire = ExpireOption::None;
    let mut index = 2;
    while index < args.len() {
        let next = (index + 1 < args.len()).then(|| args.get(index + 1));
        index += match expire.take(args.get(index), next) {
            0 => return Err(ReplyError::SYNTAX),
            taken => taken,
        };
    }
    if expire == ExpireOption::Keep {
        return Err(ReplyError::SYNTAX);
    }
    let key = context.key(args, 1);
    let now_ms = context.clock_ms();
    let is_found = context.read_string(key, |reply, value| {
        if value.is_none() {
            reply.null();
            return Ok::<_, ReplyError>(None);
        }
        let deadline_ms = match expire {
            ExpireOption::At(form, text) => Some(form.positive_deadline_ms(text, now_ms, "getex")?),
            _ => None,
        };
        reply_string(reply, value);
        Ok(Some(deadline_ms))
    })??;
    match is_found {
        Some(Some(deadline_ms)) => _ = context.mutate().set_deadline(key, deadline_ms),
        Some(None) if expire == ExpireOption::Persist => _ = context.mutate().persist(key),
        _ => {}
    }
    Ok(())
}

static GETDEL: CommandSpec = family::STRING
    .command("getdel", "key", getdel)
    .summary("Returns the string value of a key and deletes the key.")
    .since("6.2.0")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::TAKE);

fn getdel(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    get(context, args)?;
    let key = context.key(args, 1);
    context.mutate().remove(key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::slice_between;

    #[test]
    fn indexes_beyond_the_string_are_cut() {
        let text = b"hello";
        assert_eq!(slice_between(text, 1, 3), b"ell");
        assert_eq!(slice_between(text, -3, -1), b"llo");
        assert_eq!(slice_between(text, -100, 100), b"hello");
        assert_eq!(slice_between(text, 5, 10), b"");
        assert_eq!(slice_between(text, -1, -3), b"");
        assert_eq!(slice_between(text, -100, -50), b"h");
        assert_eq!(slice_between(b"", 0, -1), b"");
        assert_eq!(slice_between(text, i64::MIN, i64::MAX), b"hello");
    }
}
