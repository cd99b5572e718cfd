//! The name of a unix socket in the file system, and whose it is.
//!
//! ```text
//!  nothing there       ─▶ bind
//!  somebody answers    ─▶ refuse to start
//!  nobody answers      ─▶ move the name away ─▶ ask once more ─▶ remove it, bind
//!                                                 └ it answers now ─▶ put it back, refuse
//! ```
//!
//! Binding is what takes a name: it fails if there is one. A name that a killed server left is
//! stale; it is moved to a random name before it is removed, so that of two servers that start at
//! once neither removes the other's new socket. At the end a server removes its own name only,
//! known by device and inode.
//!
//! Not here: accepting, and sockets that a service manager passed (`listeners.rs`).

use nix::libc::{dev_t, ino_t};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, lstat};
use nix::unistd::{LinkatFlags, linkat, unlink};
use socket2::{Domain, SockAddr, Socket, Type};
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Device and inode: what a name leads to.
type Identity = (dev_t, ino_t);

/// How often another server may take the name between two steps of ours.
const TRIES_MAX: usize = 4;

/// A name that this process has bound. It stays in the file system until [`SocketName::remove`].
pub(super) struct SocketName {
    path: PathBuf,
    identity: Identity,
}

impl SocketName {
    /// Binds `path` and listens there; `mode` are its permissions, 0 for those that the process
    /// gives.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if somebody answers there or the name belongs to a file that is
    /// no socket; else the reason that the operating system gives.
    pub(super) fn bind(
        path: &Path,
        mode: u32,
        backlog: i32,
    ) -> io::Result<(mio::net::UnixListener, Self)> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        bind_socket(&socket, path, &address)?;
        let identity = identity_of(&lstat(path)?);
        let name = Self {
            path: path.to_path_buf(),
            identity,
        };
        if mode != 0 {
            let mode = Mode::from_bits_truncate(mode);
            let follow = FchmodatFlags::FollowSymlink;
            fchmodat(nix::fcntl::AT_FDCWD, path, mode, follow)?;
        }
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        // Who asked before we listened took the name for stale.
        if !name.is_ours() {
            return Err(in_use());
        }
        let listener = std::os::unix::net::UnixListener::from(OwnedFd::from(socket));
        Ok((mio::net::UnixListener::from_std(listener), name))
    }

    fn is_ours(&self) -> bool {
        lstat(&self.path).is_ok_and(|status| identity_of(&status) == self.identity)
    }

    /// Takes the name out of the file system, unless it leads to another socket by now.
    pub(super) fn remove(&self) {
        let path = self.path.display();
        if !self.is_ours() {
            log::warn!("{path} is not the name of our socket any more: it stays");
        } else if let Err(error) = unlink(&self.path) {
            log::warn!("cannot remove {path}: {error}");
        }
    }
}

fn bind_socket(socket: &Socket, path: &Path, address: &SockAddr) -> io::Result<()> {
    for _ in 0..TRIES_MAX {
        match socket.bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_socket(path) => {}
            outcome => return outcome,
        }
        remove_stale(path)?;
    }
    Err(in_use())
}

fn in_use() -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrInUse,
        "another process answers there; it has to end first, or this server needs another name",
    )
}

/// Removes the name of a socket at which nobody listens.
fn remove_stale(path: &Path) -> io::Result<()> {
    if is_answered(&SockAddr::unix(path)?)? {
        return Err(in_use());
    }
    let number = RandomState::new().hash_one(std::process::id());
    let mut aside = OsString::from(path);
    aside.push(format!(".{number:016x}"));
    let aside = PathBuf::from(aside);
    let Ok(address) = SockAddr::unix(&aside) else {
        // A longer name could not be asked: this one is removed at the first answer.
        return Ok(unlink(path)?);
    };
    match rustix::fs::rename(path, &aside) {
        Ok(()) => {}
        // Another server has removed it.
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    }
    let is_taken = is_answered(&address)?;
    if is_taken {
        // Another server bound it between our question and the move. If a third one has the name
        // by now, the second one is in the same place as without us.
        let at = nix::fcntl::AT_FDCWD;
        _ = linkat(at, &aside, at, path, LinkatFlags::empty());
    }
    unlink(&aside)?;
    if is_taken { Err(in_use()) } else { Ok(()) }
}

/// Whether a process listens at a socket. Does not wait: one whose queue is full listens, too.
fn is_answered(address: &SockAddr) -> io::Result<bool> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(address) {
        Ok(()) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Ok(false),
            io::ErrorKind::WouldBlock => Ok(true),
            // A socket of another type that somebody has bound.
            _ if error.raw_os_error() == Some(nix::errno::Errno::EPROTOTYPE as i32) => Ok(true),
            _ => Err(error),
        },
    }
}

fn identity_of(status: &FileStat) -> Identity {
    (status.st_dev, status.st_ino)
}

fn is_socket(path: &Path) -> bool {
    lstat(path).is_ok_and(|status| {
        SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == SFlag::S_IFSOCK
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    fn names(directory: &Path) -> Vec<OsString> {
        let entries = directory.read_dir().unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    /// Defect: a socket's name was removed before binding, whoever listened there. Effect: the
    /// server that had it could not be reached, and its successor's name went with it. Fix: it is
    /// asked first.
    #[test]
    fn a_name_at_which_somebody_listens_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sock");
        let (_listener, name) = SocketName::bind(&path, 0, 5).unwrap();
        let error = SocketName::bind(&path, 0, 5).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(
            error
                .to_string()
                .starts_with("another process answers there")
        );
        UnixStream::connect(&path).unwrap();
        assert_eq!(names(folder.path()), ["cache.sock"]);
        name.remove();
        assert_eq!(names(folder.path()).len(), 0);
    }

    #[test]
    fn a_name_that_a_killed_server_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sock");
        drop(UnixListener::bind(&path).unwrap());
        let (_listener, name) = SocketName::bind(&path, 0o600, 5).unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(lstat(&path).unwrap().st_mode & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["cache.sock"]);
        name.remove();
    }

    /// The longest name of a socket leaves no room for a longer one to move it to.
    #[test]
    fn a_stale_name_may_be_as_long_as_a_name_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let rest = 106 - folder.path().as_os_str().len();
        let path = folder.path().join("s".repeat(rest));
        drop(UnixListener::bind(&path).unwrap());
        let (_listener, name) = SocketName::bind(&path, 0, 5).unwrap();
        UnixStream::connect(&path).unwrap();
        name.remove();
        assert_eq!(names(folder.path()).len(), 0);
    }

    #[test]
    fn files_and_other_kinds_of_sockets_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, Mode::S_IRUSR).unwrap();
        let before = identity_of(&lstat(&path).unwrap());
        assert!(SocketName::bind(&path, 0, 5).is_err());
        assert_eq!(identity_of(&lstat(&path).unwrap()), before);
        let path = folder.path().join("datagrams");
        let _datagrams = UnixDatagram::bind(&path).unwrap();
        assert!(SocketName::bind(&path, 0, 5).is_err());
        assert!(
            UnixDatagram::unbound()
                .unwrap()
                .send_to(b"x", &path)
                .is_ok()
        );
    }

    /// A queue that is full belongs to a server that is busy.
    #[test]
    fn who_has_no_time_to_answer_listens_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sock");
        let (_listener, _name) = SocketName::bind(&path, 0, 0).unwrap();
        let address = SockAddr::unix(&path).unwrap();
        let waiting: Vec<Socket> = (0..50)
            .map(|_| Socket::new(Domain::UNIX, Type::STREAM, None).unwrap())
            .take_while(|socket| {
                socket.set_nonblocking(true).unwrap();
                socket.connect(&address).is_ok()
            })
            .collect();
        assert!(waiting.len() < 50);
        assert!(SocketName::bind(&path, 0, 5).is_err());
    }

    #[test]
    fn a_name_that_was_taken_over_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.sock");
        let (_listener, name) = SocketName::bind(&path, 0, 5).unwrap();
        unlink(&path).unwrap();
        let (_other, other_name) = SocketName::bind(&path, 0, 5).unwrap();
        name.remove();
        UnixStream::connect(&path).unwrap();
        other_name.remove();
        name.remove();
        assert_eq!(names(folder.path()).len(), 0);
    }

    /// Goal: of many that start at once over a stale name, one has it, and can be reached.
    #[test]
    fn one_of_many_gets_a_stale_name() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("cache.sock");
            drop(UnixListener::bind(&path).unwrap());
            let bound: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| scope.spawn(|| SocketName::bind(&path, 0, 100).ok()))
                    .collect();
                let threads = threads.into_iter();
                threads
                    .filter_map(|thread| thread.join().unwrap())
                    .collect()
            });
            assert!(!bound.is_empty());
            let own = identity_of(&lstat(&path).unwrap());
            assert!(bound.iter().any(|(_, name)| name.identity == own));
            UnixStream::connect(&path).unwrap();
        }
    }
}
