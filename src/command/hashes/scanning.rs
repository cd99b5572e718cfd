//! HSCAN.

use crate::command::arguments::scan::{PageWay, ScanOptions, ScanPage, read_cursor, reply_empty};
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::value::hash::Hash;

pub(super) const COMMANDS: &[&CommandSpec] = &[&HSCAN];

static HSCAN: CommandSpec = family::HASH
    .command(
        "hscan",
        "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        hscan,
    )
    .summary("Returns some fields of a hash with their values, and where to go on.")
    .since("2.8.0")
    .cost("O(count) a call, O(number of fields) a walk; a small hash is told as a whole")
    .flags(Flags::READ_ONLY);

fn hscan(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let cursor = read_cursor(args.get(2))?;
    let key = context.key(args, 1);
    let way = PageWay::of(context);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    let Some(hash) = hash else {
        reply_empty(reply);
        return Ok(());
    };
    let mut has_values = true;
    let options = ScanOptions::read(args.skip(3), |name, _| {
        let is_known = name.eq_ignore_ascii_case(b"novalues");
        has_values &= !is_known;
        usize::from(is_known)
    })?;
    let words_each = if has_values { 2 } else { 1 };
    let mut page = ScanPage::new(cursor, options, words_each, way)?;
    page.fill(|page, cursor| {
        hash.scan(cursor, |field, value| {
            page.show(field, |reply| {
                reply.item(field);
                if has_values {
                    reply.item(value);
                }
            });
        })
    });
    page.answer(context);
    Ok(())
}
