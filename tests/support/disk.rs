//! A disk that a test can fill and stall, for servers that are started with [`Disk::attach`].
//!
//! `failing_disk.c` is compiled once and loaded into the server. It asks at a gate whenever a file
//! is made durable, and when a snapshot is opened to be read: a file stands there while the disk is
//! full, a named pipe while it says nothing.
//!
//! Linux only: elsewhere libraries are put in between in other ways.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use tempfile::TempDir;

use super::PATIENCE;

/// The library, compiled by the first test of this process that needs it.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let own = folder.join(format!("failing_disk-{}.so", std::process::id()));
        let path = folder.join("failing_disk.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/failing_disk.c");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&own);
        let status = command.args([source, "-ldl"]).status();
        assert!(
            status
                .expect("the crate `mimalloc` needs cc, too")
                .success()
        );
        // Others may be loading the one that is there.
        fs::rename(&own, &path).expect("a file can be renamed");
        path
    })
}

/// The disk of the servers of one test.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// A disk that works.
    pub(crate) fn new() -> Disk {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        Disk { folder }
    }

    fn gate(&self) -> PathBuf {
        self.folder.path().join("gate")
    }

    /// Lets a server that is to be started have this disk.
    pub(crate) fn attach(&self, command: &mut Command) {
        command.env("LD_PRELOAD", library());
        command.env("TEST_DISK_GATE", self.gate());
    }

    /// Lets the disk be full until [`Disk::free`].
    pub(crate) fn fill(&self) {
        fs::write(self.gate(), "").expect("a file can be made");
    }

    /// Lets the disk work again.
    pub(crate) fn free(&self) {
        fs::remove_file(self.gate()).expect("it was full");
    }

    /// Lets the disk say nothing until [`Stall::end`].
    pub(crate) fn stall(&self) -> Stall {
        let gate = self.gate();
        mkfifoat(CWD, &gate, Mode::RUSR | Mode::WUSR).expect("a pipe can be made");
        Stall { gate }
    }
}

/// A disk that says nothing.
pub(crate) struct Stall {
    gate: PathBuf,
}

impl Stall {
    /// Waits until a server waits for the disk, and lets it go on.
    pub(crate) fn end(self) {
        let end = Instant::now() + PATIENCE;
        let mut options = OpenOptions::new();
        options
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32);
        loop {
            // A pipe can be opened to write once somebody reads.
            if let Ok(opened) = options.open(&self.gate) {
                fs::remove_file(&self.gate).expect("the pipe is there");
                drop(opened);
                return;
            }
            assert!(Instant::now() < end, "no server waits for the disk");
        }
    }
}
