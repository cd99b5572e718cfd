//! Commands on sorted sets.

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 0] = [];
