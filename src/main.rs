//! The server binary: arguments → configuration → server.

use evenkeel::config::{self, Action, CommandLine, Config};
use evenkeel::persistence::{self, DatabaseCount, FORMAT_VERSION, FileStorage, Loader, Storage};
use evenkeel::{Server, server};
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{Read, Write};
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
        Action::Serve => {}
    }
    let config = read_config(&line)?;
    begin_log(&config)?;
    log::info!(
        "evenkeel {} starts, process {}",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    );
    let mut server = Server::bind(config).map_err(text)?;
    if let Some(path) = &line.config_file {
        server.set_config_file(&String::from_utf8_lossy(path));
    }
    server.stop_on_signals().map_err(text)?;
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

fn print(output: &str) -> Result<(), String> {
    std::io::stdout().write_all(output.as_bytes()).map_err(text)
}

/// The configuration file, then standard input, then the options.
fn read_config(line: &CommandLine) -> Result<Config, String> {
    let mut config = Config::default();
    if let Some(path) = &line.config_file {
        let path = OsString::from_vec(path.clone());
        let name = path.to_string_lossy().into_owned();
        let content =
            std::fs::read(&path).map_err(|error| format!("cannot read {name}: {error}"))?;
        config.apply_file(&name, &content).map_err(text)?;
    }
    if line.reads_standard_input {
        let mut content = Vec::new();
        std::io::stdin().read_to_end(&mut content).map_err(text)?;
        config
            .apply_file("standard input", &content)
            .map_err(text)?;
    }
    line.apply_settings(&mut config).map_err(text)?;
    Ok(config)
}

/// Logs to standard error or to `logfile`. `RUST_LOG` narrows it further by module.
fn begin_log(config: &Config) -> Result<(), String> {
    let everything = env_logger::Env::default().default_filter_or("trace");
    let mut builder = env_logger::Builder::from_env(everything);
    builder.format_timestamp_millis();
    if !config.logfile.is_empty() {
        let path = OsString::from_vec(config.logfile.clone());
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path);
        let file = file.map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        builder.target(env_logger::Target::Pipe(Box::new(file)));
    }
    builder.init();
    server::apply_log_level(config.loglevel);
    Ok(())
}
