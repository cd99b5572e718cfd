//! `docs/COMMANDS.md` says what the declarations of the commands say.

#[path = "support/fresh.rs"]
mod fresh;

#[test]
fn command_page_is_fresh() {
    fresh::check("COMMANDS.md", &evenkeel::command::markdown());
}
