//! ACL CAT, DRYRUN and GENPASS.
//!
//! Not here: asking for real (`command/permission.rs`).

use super::{ANYBODY, OPERATOR};
use crate::acl::Catalogue;
use crate::base::numbers::parse_i64;
use crate::command::call::resolve;
use crate::command::declare::family;
use crate::command::declare::names::CommandNames;
use crate::command::declare::spec::{Categories, CommandSpec, Outcome};
use crate::command::declare::table::table;
use crate::command::permission::{CommandRights, refusal};
use crate::context::Context;
use crate::protocol::args::{Args, OwnedArgs};
use crate::protocol::error::ReplyError;

pub(super) static CAT: CommandSpec = family::SERVER
    .subcommand("cat", "[category]", categories)
    .summary("Lists the categories of commands, or the commands of one.")
    .since("6.0.0")
    .cost("O(commands)")
    .flags(ANYBODY);

fn categories(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(ReplyError::unknown_subcommand_or_arity("acl", args.get(1)));
    }
    if args.len() == 2 {
        context.reply.array(Categories::ALL_NAMES.len());
        for name in Categories::ALL_NAMES {
            context.reply.bulk(name.as_bytes());
        }
        return Ok(());
    }
    let category = args.get(2);
    let Some(commands) = CommandRights.in_category(category) else {
        let shown = &category[..category.len().min(128)];
        return Err(ReplyError::from_bytes(
            [b"ERR Unknown category '", shown, b"'"].concat(),
        ));
    };
    context.reply.array(commands.len());
    for command in commands {
        context.reply.bulk(table().full_name(command).as_bytes());
    }
    Ok(())
}

pub(super) static DRYRUN: CommandSpec = family::SERVER
    .subcommand("dryrun", "username command [arg [arg ...]]", dry_run)
    .summary("Tells whether a user may run a command, without running it.")
    .since("7.0.0")
    .flags(OPERATOR);

fn dry_run(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let name = args.get(2);
    let Some(id) = context.users.find(name) else {
        return Err(ReplyError::from_bytes(
            [b"ERR User '", name, b"' not found"].concat(),
        ));
    };
    let request = OwnedArgs::from_slices(&args.iter().skip(3).collect::<Vec<_>>());
    let request = request.args();
    let names = CommandNames::new(&context.config.rename_command);
    if names.find(request.get(0)).is_none() {
        let text = [b"ERR Command '", request.get(0), b"' not found"].concat();
        return Err(ReplyError::from_bytes(text));
    }
    let command = resolve(&names, request)?;
    match refusal(context.users.get(id), command, request) {
        None => context.reply.ok(),
        Some(refusal) => {
            let text = refusal.text(name, command.number, Some(request));
            context.reply.bulk(&text);
        }
    }
    Ok(())
}

pub(super) static GENPASS: CommandSpec = family::SERVER
    .subcommand("genpass", "[bits]", generate_password)
    .summary("Makes a random password of the operating system's random numbers.")
    .since("6.0.0")
    .cost("O(bits)")
    .flags(ANYBODY);

/// Bits of a password that nothing else is said about.
const PASSWORD_BITS: i64 = 256;
/// Most bits of a password.
const PASSWORD_BITS_MAX: i64 = 4096;

const BAD_BITS: ReplyError = ReplyError::fixed(
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive \
     number up to 4096",
);
const NO_RANDOM: ReplyError = ReplyError::fixed("ERR the operating system gives no random numbers");

fn generate_password(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let bits = match args.len() {
        2 => PASSWORD_BITS,
        3 => parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?,
        _ => return Err(ReplyError::unknown_subcommand_or_arity("acl", args.get(1))),
    };
    if !(1..=PASSWORD_BITS_MAX).contains(&bits) {
        return Err(BAD_BITS);
    }
    let digit_count = (bits as usize).div_ceil(4);
    let mut random = vec![0; digit_count.div_ceil(2)];
    getrandom::fill(&mut random).map_err(|_| NO_RANDOM)?;
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    context.reply.bulk(&digits.as_bytes()[..digit_count]);
    Ok(())
}
