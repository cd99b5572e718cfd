//! Requests that name very many keys or elements, done in portions.
//!
//! ```text
//!  request ─▶ divided? ─▶ first portion ─┬─ an error, or all of it ─▶ the reply
//!                                        └─ Job ─▶ portion, portion, … ─▶ the joined reply
//!  checked first?          all portions are checked, then all are run
//! ```
//!
//! A portion is a request of its own that the command's handler runs as any other. The job has the
//! keyspace to itself meanwhile, and its time stands still, so the request is one moment: nobody
//! sees a part of it, and nothing expires or is evicted in between.
//!
//! Invariant: all portions of a command that writes are run, whatever becomes of its client and of
//! its reply.
//!
//! Cost: a portion is copied out of the request.
//!
//! Not here: how a request is divided (`command/declare/portions.rs`), the job (`jobs.rs`).

use super::suspended::{may_suspend, suspend};
use crate::base::numbers::parse_i64;
use crate::command::call::{
    Resolved, begin_single, end_single, fail, remember, run as run_handler,
};
use crate::command::declare::portions::{Checked, Division, Joined, Portions};
use crate::command::declare::spec::Flags;
use crate::context::Context;
use crate::context::job::{Job, PortionsUnderway};
use crate::protocol::args::{Args, ArgsBuffer};
use crate::protocol::reply::ReplyWriter;

/// Rows that a portion has at most: adding one takes up to some microseconds.
const ROWS_MAX: u64 = 128;

/// Bytes of a request from which on a portion gets no further row.
const PORTION_BYTES: usize = 64 * 1024;

/// A portion with a longer reply is followed by one of fewer rows.
const REPLY_BYTES: usize = 256 * 1024;

/// How a request is divided, if it is.
#[inline]
pub(super) fn division(
    context: &Context<'_>,
    args: Args<'_>,
    command: Resolved,
) -> Option<Division> {
    if args.len() <= usize::from(command.spec.whole_arguments_max) {
        return None;
    }
    find_division(context, args, command)
}

#[cold]
fn find_division(context: &Context<'_>, args: Args<'_>, command: Resolved) -> Option<Division> {
    match may_suspend(context) {
        true => command.spec.portions.as_ref()?.find(context, args),
        false => None,
    }
}

/// Begins a divided request, whose reply begins at `begin`. True if it goes on as a job.
pub(super) fn begin(
    context: &mut Context<'_>,
    args: Args<'_>,
    command: Resolved,
    division: Division,
    begin: usize,
) -> bool {
    let begin_ns = begin_single(context);
    let may_wait = std::mem::take(&mut context.may_wait);
    context.prepared = None;
    let mut portions = PortionsUnderway {
        rows: division.rows,
        row: division.row,
        count_at: division.count_at,
        is_checking: declared(command).checked.is_some(),
        count: division.count,
        done_count: 0,
        rows_max: ROWS_MAX,
        sum: 0,
        is_given_up: false,
        portion: ArgsBuffer::default(),
    };
    let is_over = go_on(context, command, args, &mut portions, begin);
    context.may_wait = may_wait;
    if is_over {
        end_single(context, command, args, begin_ns);
        return false;
    }
    let job = suspend(context, command, args, begin, begin_ns);
    *context.job = Some(Job {
        portions: Some(portions),
        ..job
    });
    true
}

/// Runs the next portion of a request, whose reply begins at `begin`; true if it was the last.
pub(super) fn go_on(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
    portions: &mut PortionsUnderway,
    begin: usize,
) -> bool {
    let declared = declared(command);
    let row_count = fill(portions, args);
    if let Some(checked) = declared.checked.filter(|_| portions.is_checking) {
        return check(context, command, checked, portions, row_count);
    }
    let portion = portions.portion.args();
    remember(context, command, portion);
    let mark = context.reply.len();
    (context.keyspace).join_repeated_events(!declared.are_keys);
    let command = Resolved {
        handler: declared
            .checked
            .map_or(command.handler, |checked| checked.run),
        ..command
    };
    run_handler(context, command, portion);
    portions.done_count += row_count;
    let is_last = portions.done_count == portions.count;
    if is_last {
        context.keyspace.join_repeated_events(false);
    }
    let reply = &mut context.reply;
    if reply.since(mark).first() == Some(&b'-') {
        let error = reply.since(mark).to_vec();
        reply.truncate_to(begin);
        reply.raw(&error);
        context.keyspace.join_repeated_events(false);
        return true;
    }
    if reply.is_over() || portions.is_given_up {
        portions.is_given_up = true;
        reply.truncate_to(begin);
        let is_over = is_last || !command.spec.flags.has(Flags::WRITE);
        if is_over {
            reply.give_up();
            context.keyspace.join_repeated_events(false);
        }
        return is_over;
    }
    if reply.len() - mark > REPLY_BYTES {
        portions.rows_max = (portions.rows_max / 4).max(1);
    } else {
        portions.rows_max = (portions.rows_max * 2).min(ROWS_MAX);
    }
    match declared.joined {
        Joined::Sum => add_up(reply, mark, portions),
        Joined::Last if is_last => {}
        Joined::Last => reply.truncate_to(mark),
        Joined::Array => join_array(reply, mark, 0, portions, row_count),
        Joined::KeyAndArray => {
            let array_at = end_of_key(reply.since(mark));
            join_array(reply, mark, array_at, portions, row_count);
        }
        Joined::Rows => join_rows(reply, begin, mark, portions, is_last),
    }
    is_last
}

fn declared(command: Resolved) -> Portions {
    command.spec.portions.expect("it was divided")
}

/// Checks the rows of a portion; true if that answered the request.
fn check(
    context: &mut Context<'_>,
    command: Resolved,
    checked: Checked,
    portions: &mut PortionsUnderway,
    row_count: u64,
) -> bool {
    match (checked.check)(context, portions.portion.args()) {
        Ok(true) => {
            portions.done_count += row_count;
            if portions.done_count == portions.count {
                (portions.done_count, portions.is_checking) = (0, false);
            }
            false
        }
        Ok(false) => true,
        Err(error) => {
            fail(context, command, &error);
            true
        }
    }
}

/// Puts the next portion together; how many rows it has.
fn fill(portions: &mut PortionsUnderway, args: Args<'_>) -> u64 {
    let (rows, row, count_at) = (portions.rows.clone(), portions.row, portions.count_at);
    let portion = &mut portions.portion;
    let count_max = portions.rows_max.min(portions.count - portions.done_count);
    let begin = rows.start + portions.done_count as usize * row;
    let mut count = 0;
    let mut bytes = 0;
    let mut end = begin;
    if rows.is_empty() {
        (count, end) = (count_max, rows.start);
    }
    while count < count_max && bytes < PORTION_BYTES {
        bytes += (end..end + row)
            .map(|index| args.get(index).len())
            .sum::<usize>();
        end += row;
        count += 1;
    }
    let begin = begin.min(end);
    portion.clear();
    let mut number = itoa::Buffer::new();
    let indexes = (0..rows.start)
        .chain(begin..end)
        .chain(rows.end..args.len());
    for index in indexes {
        let is_pushed = if count_at == Some(index) {
            portion.push(number.format(count).as_bytes())
        } else {
            portion.push(args.get(index))
        };
        assert!(is_pushed, "it is no longer than the request");
    }
    count
}

/// Takes the integer that a portion replied to the sum, which is the reply of the last.
fn add_up(reply: &mut ReplyWriter<'_>, mark: usize, portions: &mut PortionsUnderway) {
    let line = reply.since(mark);
    let digits = line
        .strip_prefix(b":")
        .and_then(|line| line.strip_suffix(b"\r\n"));
    portions.sum += digits.and_then(parse_i64).expect("it replies an integer");
    reply.truncate_to(mark);
    if portions.done_count == portions.count {
        reply.integer(portions.sum);
    }
}

/// Puts the elements that a portion of so many rows replied, in an array that stands at `array_at`
/// of its reply, after those before. The first portion tells what stands before all elements.
fn join_array(
    reply: &mut ReplyWriter<'_>,
    mark: usize,
    array_at: usize,
    portions: &PortionsUnderway,
    row_count: u64,
) {
    let bytes = reply.since(mark);
    let (header, elements_at) = line_at(bytes, array_at);
    let elements = bytes[elements_at..].to_vec();
    if portions.done_count > row_count {
        reply.truncate_to(mark);
    } else {
        let sign = header[0];
        let len = parse_i64(&header[1..]).and_then(|len| u64::try_from(len).ok());
        let row_len = len.expect("it replies an array") / row_count;
        let len = row_len * portions.count;
        reply.truncate_to(mark + array_at);
        reply.raw(&[&[sign], itoa::Buffer::new().format(len).as_bytes(), b"\r\n"].concat());
    }
    reply.raw(&elements);
}

/// The same with an array of any length, whose length is put before all elements after the last
/// portion.
fn join_rows(
    reply: &mut ReplyWriter<'_>,
    begin: usize,
    mark: usize,
    portions: &mut PortionsUnderway,
    is_last: bool,
) {
    let (header, elements_at) = line_at(reply.since(mark), 0);
    portions.sum += parse_i64(&header[1..]).expect("it replies an array");
    let elements = reply.since(mark)[elements_at..].to_vec();
    reply.truncate_to(mark);
    reply.raw(&elements);
    if is_last {
        let len = portions.sum as usize;
        reply.put_before(begin, |reply| reply.array(len));
    }
}

/// A line of a reply without its end, and where the next begins.
fn line_at(bytes: &[u8], at: usize) -> (&[u8], usize) {
    let len = bytes[at..].iter().position(|&byte| byte == b'\r');
    let end = at + len.expect("lines end");
    (&bytes[at..end], end + 2)
}

/// Where the second element of a pair begins, of which the first is a text.
fn end_of_key(bytes: &[u8]) -> usize {
    let (_, key_at) = line_at(bytes, 0);
    let (header, text_at) = line_at(bytes, key_at);
    let len = parse_i64(&header[1..]).and_then(|len| usize::try_from(len).ok());
    text_at + len.expect("a key comes first") + 2
}
