//! The server binary: arguments → configuration → server.

use evenkeel::config::{self, Action, CommandLine, Config};
use evenkeel::{Server, server};
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
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
