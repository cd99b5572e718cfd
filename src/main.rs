//! The server binary: arguments → configuration → server.
//!
//! Not here: where the configuration comes from (`cli/configuration.rs`), what the arguments mean
//! (`config/command_line.rs`), the log (`cli/log_file.rs`).

mod cli;

use cli::configuration::Sources;
use cli::log_file::Log;
use evenkeel::Server;
use evenkeel::config::{self, Action, CommandLine, Config};
use evenkeel::persistence::{self, DatabaseCount, FORMAT_VERSION, FileStorage, Loader, Storage};
use evenkeel::server::Origin;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("evenkeel: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what the arguments ask for; an error is one line for people.
fn start() -> Result<(), String> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let arguments: Vec<&[u8]> = arguments
        .iter()
        .map(|argument| argument.as_bytes())
        .collect();
    match arguments[..] {
        [b"check", file] => return check(&path_of(file)),
        [b"salvage", file, out] => return salvage(&path_of(file), &path_of(out)),
        [b"check" | b"salvage", ..] => {
            return Err("usage: evenkeel check FILE | evenkeel salvage FILE OUT".into());
        }
        _ => {}
    }
    let line = CommandLine::parse(&arguments).map_err(text)?;
    match line.action {
        Action::Help => return print(&config::help()),
        Action::Version => {
            return print(&format!(
                "Evenkeel server v={} (redis_version {})\n",
                env!("CARGO_PKG_VERSION"),
                evenkeel::stats::REDIS_VERSION
            ));
        }
        Action::CheckConfig | Action::Serve => {}
    }
    let action = line.action;
    let (sources, config) = Sources::read(line)?;
    if action == Action::CheckConfig {
        Server::check(&config).map_err(text)?;
        let warning = sources.warning();
        return print(&warning.map_or("OK\n".into(), |warning| format!("OK; {warning}\n")));
    }
    serve(sources, config)
}

fn serve(sources: Sources, config: Config) -> Result<(), String> {
    let log = Log::begin(&config)?;
    sources.log_warning();
    let outcome = serve_and_log(sources, config, &log);
    log.flush();
    outcome
}

fn serve_and_log(mut sources: Sources, config: Config, log: &Log) -> Result<(), String> {
    let pid_file = match &config.pidfile[..] {
        [] => None,
        name => Some(config.path_in_dir(name)),
    };
    let (log_to_reopen, log_to_ask) = (log.clone(), log.clone());
    let origin = Origin {
        config_file: sources.file(),
        log_lines_lost: Box::new(move || log_to_ask.lines_lost()),
        read_config: Box::new(move || {
            log_to_reopen.reopen();
            sources.read_again()
        }),
    };
    let server = Server::bind_daemon(config, origin).map_err(text)?;
    let _pid_file = pid_file.and_then(PidFile::write);
    server.run().map_err(text)
}

fn path_of(argument: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(argument.to_vec()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// `evenkeel check FILE`: says what a snapshot holds, or what is wrong with it.
fn check(path: &Path) -> Result<(), String> {
    let bytes = read(path)?;
    let mut loader = Loader::new();
    let outcome = loader
        .feed(&bytes, |_, _| {})
        .and_then(|()| loader.finish());
    let summary = match outcome {
        Ok(summary) => summary,
        Err(damage) => {
            let found = persistence::salvage(&bytes);
            print_counts("intact in", &found.databases)?;
            return Err(format!("{}: {damage}", path.display()));
        }
    };
    let report = format!(
        "{}: intact\nversion {FORMAT_VERSION}, written by {}, begun at Unix time {} ms\n\
         {} blocks, {} bytes\n",
        path.display(),
        summary.written_by,
        summary.begun_ms,
        summary.block_count,
        summary.file_bytes
    );
    print(&report)?;
    print_counts("in", &summary.databases)
}

fn print_counts(place: &str, counts: &[DatabaseCount]) -> Result<(), String> {
    counts.iter().try_for_each(
        |DatabaseCount {
             database,
             keys,
             expires,
         }| {
            print(&format!(
                "{keys} keys {place} database {database}, {expires} with a deadline\n"
            ))
        },
    )
}

/// `evenkeel salvage FILE OUT`: writes the intact blocks of a damaged snapshot to a new one.
fn salvage(path: &Path, out: &Path) -> Result<(), String> {
    let found = persistence::salvage(&read(path)?);
    let mut storage = FileStorage::new(out);
    let written = storage
        .begin()
        .and_then(|()| storage.append(&found.snapshot))
        .and_then(|()| storage.commit());
    written.map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    let damage = found.damage.as_ref().map_or("nothing".to_string(), text);
    let expected = found.expected_keys.map_or("unknown".to_string(), text);
    print(&format!(
        "{}: {} keys are intact (of {expected} by the file's own count), {} bytes are lost\n\
         first damage: {damage}\n",
        out.display(),
        found.keys(),
        found.lost_bytes
    ))
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// The file with the process id, removed when the server ends.
struct PidFile(PathBuf);

impl PidFile {
    /// Writes it. A server without it is better than none.
    fn write(path: PathBuf) -> Option<Self> {
        match std::fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                log::warn!("cannot write the pidfile {}: {error}", path.display());
                None
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            log::warn!("cannot remove the pidfile {}: {error}", self.0.display());
        }
    }
}

fn print(output: &str) -> Result<(), String> {
    std::io::stdout().write_all(output.as_bytes()).map_err(text)
}
