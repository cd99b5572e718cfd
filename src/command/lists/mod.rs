//! Commands on lists.

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 0] = [];
