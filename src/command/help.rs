//! The HELP subcommand of every container, made from the declarations of the others.

use super::spec::CommandSpec;
use crate::session::Context;

/// Declares `HELP`, the subcommand of a container: `help_of!(CONFIG, SERVER, "5.0.0")`.
macro_rules! help_of {
    ($container:ident, $family:ident, $since:literal) => {
        static HELP: $crate::command::spec::CommandSpec = $crate::command::family::$family
            .subcommand("help", "", |context, _| {
                $crate::command::help::reply_help(context, &$container);
                Ok(())
            })
            .summary(concat!(
                "Lists the subcommands of ",
                stringify!($container),
                "."
            ))
            .since($since)
            .flags($crate::command::spec::Flags::LOADING.and($crate::command::spec::Flags::STALE));
    };
}

pub(super) use help_of;

/// Replies two lines for each subcommand: how it is written, and what it does.
pub(super) fn reply_help(context: &mut Context<'_>, container: &CommandSpec) {
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
