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

/// How a subcommand is called and what it does.
#[derive(Clone, Copy)]
pub(in crate::command) struct Usage<'a> {
    /// Its own name in lower case.
    pub(in crate::command) name: &'a str,
    /// Its arguments in the notation of `syntax.rs`.
    pub(in crate::command) syntax: &'a str,
    /// One sentence of what it does.
    pub(in crate::command) summary: &'a str,
}

/// Replies two lines for each subcommand of a container: how it is written, and what it does.
pub(in crate::command) fn reply_help(context: &mut Context<'_>, container: &'static CommandSpec) {
    let usages = container.subcommands().iter().map(|spec| Usage {
        name: spec.name,
        syntax: spec.syntax,
        summary: spec.summary,
    });
    reply_usages(context, container.name, usages);
}

/// As [`reply_help`] for subcommands that are not in the table of commands.
pub(in crate::command) fn reply_usages<'a>(
    context: &mut Context<'_>,
    container_name: &str,
    usages: impl Iterator<Item = Usage<'a>>,
) {
    let name = container_name.to_uppercase();
    let mut lines = vec![format!(
        "{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    )];
    for usage in usages {
        let call = format!("{} {}", usage.name.to_uppercase(), usage.syntax);
        lines.push(call.trim_end().to_string());
        lines.push(format!("    {}", usage.summary));
    }
    context.reply.array(lines.len());
    for line in lines {
        context.reply.simple(&line);
    }
}
