//! Where the configuration of this process comes from, at the start and again on SIGHUP.
//!
//! ```text
//!  file ─▶ standard input ─▶ environment ─▶ options       the last word counts
//! ```
//!
//! What is read again is taken as a whole or not at all:
//! 1. Only regular files are read again (`persistence/file_system.rs`).
//! 2. Who reaches the server is decided by what is said, never by what is missing: a file that does
//!    not name the password any more may have been emptied, to be written.
//!
//! Not here: what the texts mean (`config/`), what a change leads to (`server/daemon.rs`).

use evenkeel::Config;
use evenkeel::binary::{CONFIG_FILE_BYTES_MAX, CommandLine, FileSystem, Files, Notes};
use std::io::Read;
use std::os::unix::ffi::OsStringExt;

/// Longest configuration from standard input in bytes.
const STANDARD_INPUT_BYTES_MAX: u64 = CONFIG_FILE_BYTES_MAX;

/// The sources of the configuration, and what they had to tell when they were read last.
pub(crate) struct Sources {
    line: CommandLine,
    notes: Notes,
}

impl Sources {
    /// Reads the sources that the command line names.
    ///
    /// # Errors
    /// One line for people: the first thing that is wrong.
    pub(crate) fn read(line: CommandLine) -> Result<(Self, Config), String> {
        let mut config = Config::default();
        let mut notes = Notes::default();
        let mut files = FileSystem::first_time();
        read_file(&line, &mut config, &mut notes, &mut files)?;
        if line.reads_standard_input {
            let mut text = Vec::new();
            let mut input = std::io::stdin().take(STANDARD_INPUT_BYTES_MAX + 1);
            input
                .read_to_end(&mut text)
                .map_err(|error| format!("cannot read standard input: {error}"))?;
            if text.len() as u64 > STANDARD_INPUT_BYTES_MAX {
                return Err(format!(
                    "cannot read standard input: it has more than {STANDARD_INPUT_BYTES_MAX} bytes"
                ));
            }
            let more = config.apply_files(b"standard input", &text, &mut files);
            notes.extend(more.map_err(|error| error.to_string())?);
        }
        apply_environment_and_options(&line, &mut config, &mut notes, &mut files)?;
        Ok((Self { line, notes }, config))
    }

    /// Reads them again.
    ///
    /// # Errors
    /// One line for people: what is wrong, or why they can't be read or taken again.
    pub(crate) fn read_again(&mut self) -> Result<Config, String> {
        if self.line.reads_standard_input {
            return Err("standard input was read at the start and is gone".into());
        }
        let mut config = Config::default();
        let mut notes = Notes::default();
        let mut files = FileSystem::again();
        read_file(&self.line, &mut config, &mut notes, &mut files)?;
        apply_environment_and_options(&self.line, &mut config, &mut notes, &mut files)?;
        match notes.missing_guards(&self.notes)[..] {
            [] => {}
            ref missing => {
                let missing = missing.join(" and ");
                return Err(format!(
                    "{missing} was given and is not any more: give the value it is to have instead"
                ));
            }
        }
        self.notes = notes;
        self.log_warning();
        Ok(config)
    }

    /// The path of the configuration file, from the root; empty for none.
    pub(crate) fn file(&self) -> Vec<u8> {
        let path = self.line.config_file.as_deref().unwrap_or_default();
        FileSystem::again().absolute(path)
    }

    /// What there is to tell in one line, if there is anything.
    pub(crate) fn warning(&self) -> Option<String> {
        self.notes.warning()
    }

    /// Logs that line.
    pub(crate) fn log_warning(&self) {
        if let Some(warning) = self.warning() {
            log::warn!("{warning}");
        }
    }
}

fn read_file(
    line: &CommandLine,
    config: &mut Config,
    notes: &mut Notes,
    files: &mut FileSystem,
) -> Result<(), String> {
    let Some(path) = &line.config_file else {
        return Ok(());
    };
    let text = files.read(path).map_err(|error| {
        let name = String::from_utf8_lossy(path);
        format!("cannot read {name}: {error}")
    })?;
    let more = config.apply_files(path, &text, files);
    notes.extend(more.map_err(|error| error.to_string())?);
    Ok(())
}

/// Applies the environment, then the options, which have the last word, and checks that all
/// sources agree.
fn apply_environment_and_options(
    line: &CommandLine,
    config: &mut Config,
    notes: &mut Notes,
    files: &mut FileSystem,
) -> Result<(), String> {
    let variables = std::env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec()));
    let more = config.apply_environment(variables);
    notes.extend(more.map_err(|error| error.to_string())?);
    let more = line.apply_options(config, files);
    notes.extend(more.map_err(|error| error.to_string())?);
    Ok(())
}
