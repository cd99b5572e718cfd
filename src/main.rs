//! The server binary: arguments → configuration → server.
//!
//! Not here: what the arguments mean (`config/command_line.rs`), what else the binary does (`cli/`).

mod cli;

use cli::check::check;
use cli::pid_file::PidFile;
use cli::salvage::salvage;
use cli::{print, text};
use evenkeel::Server;
use evenkeel::config::{self, Action, CommandLine, Config, Files, Notes};
use evenkeel::persistence::FileSystem;
use evenkeel::server::{self, LargeBlocks, Origin};
use log::Level;
use mimalloc::MiMalloc;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    let (config, notes) = read_config(&line)?;
    if line.action == Action::CheckConfig {
        Server::check(&config).map_err(text)?;
        let warning = notes.warning();
        return print(&warning.map_or("OK\n".into(), |warning| format!("OK; {warning}\n")));
    }
    serve(line, config, &notes)
}

fn serve(line: CommandLine, config: Config, notes: &Notes) -> Result<(), String> {
    let log_file = begin_log(&config)?;
    log_warning(notes);
    let pid_path = path_of(&config.pidfile);
    let config_file = match &line.config_file {
        Some(path) => std::path::absolute(path_of(path)).map_err(text)?,
        None => PathBuf::new(),
    };
    let origin = Origin {
        allocator: "mimalloc",
        config_file: config_file.into_os_string().into_vec(),
        read_config: Box::new(move || {
            if let Some(log_file) = &log_file {
                log_file.reopen()?;
            }
            if line.reads_standard_input {
                return Err("standard input was read at the start and is gone".into());
            }
            let (config, notes) = read_config(&line)?;
            log_warning(&notes);
            Ok(config)
        }),
    };
    let server = Server::bind_daemon(config, origin).map_err(text)?;
    let _pid_file = PidFile::write(pid_path);
    server.run().map_err(text)
}

fn path_of(argument: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(argument.to_vec()))
}

/// The configuration file, then standard input, then the options; and what there is to tell.
fn read_config(line: &CommandLine) -> Result<(Config, Notes), String> {
    let mut config = Config::default();
    let mut notes = Notes::default();
    let mut apply = |path: &[u8], content: &[u8]| {
        let more = config.apply_files(path, content, &mut FileSystem);
        more.map(|more| notes.extend(more)).map_err(text)
    };
    if let Some(path) = &line.config_file {
        let content = FileSystem.read(path).map_err(|error| {
            let name = String::from_utf8_lossy(path);
            format!("cannot read {name}: {error}")
        })?;
        apply(path, &content)?;
    }
    if line.reads_standard_input {
        let mut content = Vec::new();
        std::io::stdin().read_to_end(&mut content).map_err(text)?;
        apply(b"standard input", &content)?;
    }
    notes.extend(line.apply_settings(&mut config).map_err(text)?);
    Ok((config, notes))
}

/// Logs what reading the configuration had to tell.
fn log_warning(notes: &Notes) {
    if let Some(warning) = notes.warning() {
        log::warn!("{warning}");
    }
}

/// Logs to standard error or to `logfile`. `RUST_LOG` narrows it further by module.
fn begin_log(config: &Config) -> Result<Option<LogFile>, String> {
    let everything = env_logger::Env::default().default_filter_or("trace");
    let mut builder = env_logger::Builder::from_env(everything);
    builder.format_timestamp_millis();
    let file = match &config.logfile[..] {
        [] => None,
        path => Some(LogFile::open(path_of(path))?),
    };
    if let Some(file) = &file {
        builder.target(env_logger::Target::Pipe(Box::new(file.clone())));
    } else if server::logs_to_journal() {
        builder.format(|line, record| {
            writeln!(
                line,
                "<{}>{}",
                journal_priority(record.level()),
                record.args()
            )
        });
    }
    builder.init();
    server::apply_log_level(config.loglevel);
    Ok(file)
}

/// The priority before a line of the journal, which adds time and process itself.
fn journal_priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// A log file that can be opened again after it was moved away.
#[derive(Clone)]
struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    fn open(path: PathBuf) -> Result<Self, String> {
        let file = Arc::new(Mutex::new(Self::append_to(&path)?));
        Ok(Self { path, file })
    }

    fn append_to(path: &Path) -> Result<File, String> {
        let file = File::options().create(true).append(true).open(path);
        file.map_err(|error| format!("cannot open {}: {error}", path.display()))
    }

    fn reopen(&self) -> Result<(), String> {
        *self.locked() = Self::append_to(&self.path)?;
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, File> {
        // A panic while writing a line leaves the file as good as it was.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.locked().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.locked().flush()
    }
}
