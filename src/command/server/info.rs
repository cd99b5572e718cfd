//! INFO and TIME, and a little art.
//!
//! Not here: gathering the figures of INFO (`context/report.rs`), its fields (`stats/table.rs`).

use crate::command::declare::family;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::command::declare::table::command_name;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::stats;

pub(super) const COMMANDS: &[&CommandSpec] = &[&INFO, &TIME, &LOLWUT];

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE).and(Flags::BESIDE_JOBS);

static INFO: CommandSpec = family::SERVER
    .command("info", "[section [section ...]]", info)
    .summary("Describes the server and what it has done.")
    .since("1.0.0")
    .cost("O(number of clients)")
    .flags(ANYTIME)
    .also(Categories::DANGEROUS);

fn info(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let sections: Vec<&[u8]> = args.iter().skip(1).collect();
    let text = context.report().info_text(&sections, command_name);
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

static TIME: CommandSpec = family::SERVER
    .command("time", "", time)
    .summary("Returns the time as Unix seconds and microseconds.")
    .since("2.6.0")
    .flags(ANYTIME.and(Flags::FAST));

fn time(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let now_us = context.now.unix_us;
    context.reply.array(2);
    for part in [now_us / 1_000_000, now_us % 1_000_000] {
        context.reply.bulk_integer(part as i64);
    }
    Ok(())
}

static LOLWUT: CommandSpec = family::SERVER
    .command("lolwut", "[VERSION version]", lolwut)
    .summary("Shows a ship on an even keel, and the version.")
    .since("5.0.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST));

fn lolwut(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    const SHIP: &str = concat!(
        "          |\\\n",
        "          | \\\n",
        "          |  \\\n",
        "          |___\\\n",
        "   _______|________\n",
        "   \\              /\n",
        "~~~~\\____________/~~~~~~~\n",
        "  ~~      ~~      ~~\n",
        "\nEvenkeel ver. ",
        env!("CARGO_PKG_VERSION"),
        ", which answers as Redis ver. ",
    );
    let text = format!("{SHIP}{}\n", stats::REDIS_VERSION);
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
