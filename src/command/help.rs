//! The HELP subcommand of every container, made from the declarations of the others.

use super::spec::CommandSpec;
use crate::session::Context;

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
