//! The server binary: arguments → configuration → server.
//!
//! Not here: where the configuration comes from (`cli/configuration.rs`), what the arguments mean
//! (`config/command_line.rs`), the log (`cli/log_file.rs`), what else the binary does (`cli/`).

mod cli;

use cli::check::check;
use cli::configuration::Sources;
use cli::export::export;
use cli::import::{arguments as import_arguments, import};
use cli::log_file::Log;
use cli::pid_file::PidFile;
use cli::ping::ping;
use cli::salvage::salvage;
use cli::{misspelt_command, path_of, print, text};
use evenkeel::binary::{Action, CommandLine, LargeBlocks, Origin, REDIS_VERSION, help};
use evenkeel::{Config, Server};
use mimalloc::MiMalloc;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: LargeBlocks<MiMalloc> = LargeBlocks::above(MiMalloc);

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
        [b"export", file, out] => return export(&path_of(file), &path_of(out)),
        [b"export", ..] => return Err("usage: evenkeel export FILE RDB".into()),
        [b"import", ref words @ ..] => {
            let (path, out, skips_unknown) =
                import_arguments(words).ok_or("usage: evenkeel import RDB OUT [--skip-unknown]")?;
            return import(&path_of(path), &path_of(out), skips_unknown);
        }
        [b"ping", ref options @ ..] => return ping(options),
        [b"check" | b"salvage", ..] => {
            return Err("usage: evenkeel check FILE | evenkeel salvage FILE OUT".into());
        }
        _ => {}
    }
    if let Some(message) = arguments.first().and_then(|word| misspelt_command(word)) {
        return Err(message);
    }
    let line = CommandLine::parse(&arguments).map_err(text)?;
    match line.action {
        Action::Help => return print(&help()),
        Action::Version => {
            return print(&format!(
                "Evenkeel server v={} (redis_version {})\n",
                env!("CARGO_PKG_VERSION"),
                REDIS_VERSION
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
        allocator: "mimalloc",
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
