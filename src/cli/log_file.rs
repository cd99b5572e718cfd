//! Where log lines go: into a queue, which a thread writes to standard error or to `logfile`.
//!
//! ```text
//!  log::info! ─▶ env_logger formats ─▶ queue ≤ QUEUE_BYTES_MAX ─▶ thread ─▶ file, pipe, terminal
//!                                        └─ no room: the line is lost, and counted
//! ```
//!
//! 1. Whoever logs never waits for the file: a pipe that nobody reads and a disk that hangs cost
//!    lines, not answers. The lock of the queue is never held while something is written.
//! 2. Lines stay whole and in their order. Once lines can be written again, one says how many were
//!    lost before it; INFO has the number, too.
//! 3. The flags of standard error stay as they are: other processes may share them.
//!
//! Cost: a line is copied once; twice [`QUEUE_BYTES_MAX`] of memory at most.
//!
//! Not here: what is logged, and from which level on (`server::apply_log_level`).

use evenkeel::Config;
use evenkeel::binary::{apply_log_level, logs_to_journal};
use log::Level;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of lines that may wait to be written: some 2,000 lines.
const QUEUE_BYTES_MAX: usize = 256 * 1024;

/// How long the end of the process waits for lines to be written.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// How long the thread waits before it tries a stream again that somebody made non-blocking and
/// that takes nothing now.
const RETRY: Duration = Duration::from_millis(20);

/// The log of this process.
#[derive(Clone)]
pub(crate) struct Log {
    queue: Arc<Queue>,
}

impl Log {
    /// Makes the `log` crate write to where the configuration says. `RUST_LOG` narrows it further
    /// by module.
    ///
    /// # Errors
    /// One line for people: the file can't be opened.
    pub(crate) fn begin(config: &Config) -> Result<Self, String> {
        let target = match &config.logfile[..] {
            [] => Target::standard_error(),
            name => Target::file(config.path_in_dir(name)),
        }?;
        let log = Self::start(target)?;
        let everything = env_logger::Env::default().default_filter_or("trace");
        let mut builder = env_logger::Builder::from_env(everything);
        builder.format_timestamp_millis();
        builder.target(env_logger::Target::Pipe(Box::new(log.clone())));
        if config.logfile.is_empty() && logs_to_journal() {
            builder.format(|line, record| {
                let priority = journal_priority(record.level());
                writeln!(line, "<{priority}>{}", record.args())
            });
        }
        builder.init();
        apply_log_level(config.loglevel);
        log.flush_before_panics();
        Ok(log)
    }

    /// Starts the thread that writes to `target`.
    fn start(target: Target) -> Result<Self, String> {
        let queue = Arc::new(Queue::default());
        let own = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write_lines(&own, target))
            .map_err(|error| format!("cannot start the thread that writes the log: {error}"))?;
        Ok(Self { queue })
    }

    /// Opens the file again after it was moved away. Lines before this call go to the old one.
    pub(crate) fn reopen(&self) {
        self.queue.ask_to_reopen();
    }

    /// How many lines were lost since the start.
    pub(crate) fn lines_lost(&self) -> u64 {
        self.queue.lost_total.load(Ordering::Relaxed)
    }

    /// Waits until what was logged is written, or [`FLUSH_MAX`] is over.
    pub(crate) fn flush(&self) {
        self.queue.wait_until_written(FLUSH_MAX);
    }

    /// The last lines tell why: they are written before the message of a panic.
    fn flush_before_panics(&self) {
        let log = self.clone();
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            log.flush();
            print(panic);
        }));
    }
}

impl Write for Log {
    /// Takes one whole line, as `env_logger` gives it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(line);
        Ok(line.len())
    }

    /// Does nothing: whoever logs does not wait.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

/// Lines on their way to the thread.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Something is waiting.
    has_work: Condvar,
    /// Nothing is waiting, and nothing is being written.
    is_written: Condvar,
    lost_total: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Where in `lines` those for the file that is to be opened again begin.
    reopen_at: Option<usize>,
    /// Lines that were lost and that no line has told of.
    lost_untold: u64,
    is_writing: bool,
}

impl Queue {
    fn locked(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panics while holding it leaves whole lines.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.locked();
        if waiting.lines.len() + line.len() > QUEUE_BYTES_MAX {
            self.lose(&mut waiting, 1);
        } else {
            waiting.lines.extend_from_slice(line);
            self.has_work.notify_one();
        }
    }

    fn lose(&self, waiting: &mut Waiting, line_count: u64) {
        waiting.lost_untold += line_count;
        self.lost_total.fetch_add(line_count, Ordering::Relaxed);
    }

    fn ask_to_reopen(&self) {
        let mut waiting = self.locked();
        waiting.reopen_at = Some(waiting.lines.len());
        self.has_work.notify_one();
    }

    fn wait_until_written(&self, at_most: Duration) {
        let is_under_way = |waiting: &mut Waiting| {
            waiting.is_writing || !waiting.lines.is_empty() || waiting.reopen_at.is_some()
        };
        // Over or not: nobody waits longer.
        _ = self
            .is_written
            .wait_timeout_while(self.locked(), at_most, is_under_way);
    }

    /// Waits for work and takes it: the lines go into `batch`, which is empty; returns where in it
    /// the file is to be opened again.
    fn take(&self, batch: &mut Vec<u8>) -> Option<usize> {
        let is_idle =
            |waiting: &mut Waiting| waiting.lines.is_empty() && waiting.reopen_at.is_none();
        let mut waiting = self
            .has_work
            .wait_while(self.locked(), is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut waiting.lines, batch);
        waiting.is_writing = true;
        waiting.reopen_at.take()
    }

    /// Notes that a batch is done with, `lost_count` of whose lines could not be written. Returns
    /// how many lines were lost that are to be told of now.
    fn done(&self, lost_count: u64) -> u64 {
        let mut waiting = self.locked();
        waiting.is_writing = false;
        // Whoever waits looks when the lock is free again.
        self.is_written.notify_all();
        if lost_count > 0 {
            self.lose(&mut waiting, lost_count);
            return 0;
        }
        std::mem::take(&mut waiting.lost_untold)
    }
}

/// What the thread does, for as long as the process lives.
fn write_lines(queue: &Queue, mut target: Target) {
    let mut batch = Vec::new();
    loop {
        let reopen_at = queue.take(&mut batch);
        let (before, after) = batch.split_at(reopen_at.unwrap_or(batch.len()));
        let mut lost_count = target.write(before);
        if reopen_at.is_some() {
            if let Err(reason) = target.reopen() {
                log::error!("the log goes on in the old file: {reason}");
            }
            lost_count += target.write(after);
        }
        batch.clear();
        let told_count = queue.done(lost_count);
        if told_count > 0 {
            log::warn!("{told_count} lines of the log are lost: they could not be written in time");
        }
    }
}

/// What lines are written to.
struct Target {
    /// Empty for standard error.
    path: PathBuf,
    /// Not there while `path` is a pipe that nobody has opened for reading.
    file: Option<File>,
}

impl Target {
    fn standard_error() -> Result<Self, String> {
        // A descriptor of our own: the lock of `std::io::stderr` would be held while a pipe is
        // full.
        let own = io::stderr().as_fd().try_clone_to_owned();
        let own = own.map_err(|error| format!("cannot use standard error: {error}"))?;
        Ok(Self {
            path: PathBuf::new(),
            file: Some(own.into()),
        })
    }

    /// The file at `path`, which is made if it is not there. Does not wait for the reader of a
    /// named pipe.
    fn file(path: PathBuf) -> Result<Self, String> {
        let opened = options()
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&path)
            // The thread may wait.
            .and_then(|file| Ok(rustix::fs::fcntl_setfl(&file, OFlags::APPEND).map(|()| file)?));
        let file = match opened {
            Ok(file) => Some(file),
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => None,
            Err(error) => return Err(cannot_open(&path, &error)),
        };
        Ok(Self { path, file })
    }

    /// Opens the file again, however long that takes. On an error the old one stays.
    fn reopen(&mut self) -> Result<(), String> {
        if !self.path.as_os_str().is_empty() {
            let opened = options().open(&self.path);
            self.file = Some(opened.map_err(|error| cannot_open(&self.path, &error))?);
        }
        Ok(())
    }

    /// Writes whole lines, however long that takes; returns how many of them are lost.
    fn write(&mut self, lines: &[u8]) -> u64 {
        let is_written = !lines.is_empty()
            && (self.file.is_some() || self.reopen().is_ok())
            && (self.file.as_mut()).is_some_and(|file| write_all(file, lines).is_ok());
        if is_written {
            0
        } else {
            lines.iter().filter(|byte| **byte == b'\n').count() as u64
        }
    }
}

fn options() -> std::fs::OpenOptions {
    let mut options = File::options();
    options.create(true).append(true);
    options
}

fn cannot_open(path: &Path, error: &io::Error) -> String {
    format!("cannot open {}: {error}", path.display())
}

/// As `Write::write_all`, and waits for a stream that is non-blocking.
fn write_all(file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    const LINE: &[u8] = b"0123456789012345678901234567890123456789012345678901234567890\n";

    fn log_into(file: impl Into<std::os::fd::OwnedFd>) -> Log {
        let target = Target {
            path: PathBuf::new(),
            file: Some(file.into().into()),
        };
        Log::start(target).unwrap()
    }

    #[test]
    fn lines_are_written_whole_and_in_their_order() {
        let (reader, writer) = io::pipe().unwrap();
        let mut log = log_into(writer);
        for number in 0..100 {
            log.write_all(format!("line {number}\n").as_bytes())
                .unwrap();
        }
        Log::flush(&log);
        let lines = BufReader::new(reader).lines().take(100);
        for (number, line) in lines.enumerate() {
            assert_eq!(line.unwrap(), format!("line {number}"));
        }
        assert_eq!(log.lines_lost(), 0);
    }

    #[test]
    fn what_nobody_takes_is_lost_line_by_line() {
        let (reader, writer) = io::pipe().unwrap();
        let mut log = log_into(writer);
        // More than the queue, what is being written and any pipe hold.
        let count = 64 * QUEUE_BYTES_MAX / LINE.len();
        for _ in 0..count {
            log.write_all(LINE).unwrap();
        }
        let lost = log.lines_lost();
        assert!(lost > 0 && lost < count as u64, "{lost}");
        let mut lines = BufReader::new(reader);
        let mut line = Vec::new();
        for _ in lost..count as u64 {
            line.clear();
            lines.read_until(b'\n', &mut line).unwrap();
            assert_eq!(line, LINE);
        }
        Log::flush(&log);
        assert_eq!(log.lines_lost(), lost);
    }

    #[test]
    fn lines_of_a_file_that_takes_none_are_counted() {
        let mut log = log_into(File::options().write(true).open("/dev/full").unwrap());
        log.write_all(LINE).unwrap();
        log.write_all(LINE).unwrap();
        Log::flush(&log);
        assert_eq!(log.lines_lost(), 2);
    }

    #[test]
    fn a_moved_file_is_opened_again_between_two_lines() {
        let directory = tempfile::tempdir().unwrap();
        let [path, moved] = ["log", "log.1"].map(|name| directory.path().join(name));
        let mut log = Log::start(Target::file(path.clone()).unwrap()).unwrap();
        log.write_all(b"old\n").unwrap();
        Log::flush(&log);
        std::fs::rename(&path, &moved).unwrap();
        log.write_all(b"late\n").unwrap();
        log.reopen();
        log.write_all(b"new\n").unwrap();
        Log::flush(&log);
        assert_eq!(std::fs::read(&moved).unwrap(), b"old\nlate\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"new\n");
        assert!(Target::file("/nonexistent/log".into()).is_err());
    }
}
