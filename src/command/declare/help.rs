//! The HELP subcommand of every container, made from the declarations of the others.

use super::spec::CommandSpec;
use crate::context::Context;

/// Declares `HELP`, the subcommand of a container: `help_of!(CONFIG, SERVER, "5.0.0")`.
macro_rules! help_of {
    ($container:ident, $family:ident, $since:literal) => {
        static HELP: $crate::command::declare::spec::CommandSpec =
            $crate::command::declare::family::$family
                .subcommand("help", "", |context, _| {
                    $crate::command::declare::help::reply_help(context, &$container);
                    Ok(())
                })
                .summary(concat!(
                    "Lists the subcommands of ",
                    stringify!($container),
                    "."
                ))
                .since($since)
                .flags(
                    $crate::command::declare::spec::Flags::LOADING
                        .and($crate::command::declare::spec::Flags::STALE),
                );
    };
}

pub(in crate::command) use help_of;

/// Replies two lines for each subcommand: how it is written, and what it does.
pub(in crate::command) fn reply_help(context: &mut Context<'_>, container: &CommandSpec) {
    let name = container.name.to_uppercase();
    let mut lines = vec![format!(
        "{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    )];
    for subcommand in container.subcommands() {
        let usage = format!("{} {}", subcommand.name.to_uppercase(), subcommand.syntax);
        lines.push(usage.trim_end().to_string());
        lines.push(format!("    {}", subcommand.summary));
    }
    context.reply.array(lines.len());
    for line in lines {
        context.reply.simple(&line);
    }
}
