//! Places that a configuration names: sockets, and files, whose names begin in `dir` as in Redis.
//!
//! ```text
//! dir /var/lib/evenkeel
//! logfile evenkeel.log        /var/lib/evenkeel/evenkeel.log
//! pidfile /run/evenkeel.pid   /run/evenkeel.pid
//! ```
//!
//! Not here: `include` and the configuration file itself, whose names begin where the program was
//! started (`persistence/file_system.rs`).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::table::Config;

impl Config {
    /// Whether a server with this configuration listens on the TCP sockets of one with the other.
    pub fn listens_as(&self, other: &Config) -> bool {
        self.bind == other.bind && self.port == other.port && self.encrypts_as(other)
    }

    /// Whether both say the same of TLS.
    pub fn encrypts_as(&self, other: &Config) -> bool {
        let files = |config: &Self| {
            [
                &config.tls_cert_file,
                &config.tls_key_file,
                &config.tls_ca_cert_file,
                &config.tls_ca_cert_dir,
                &config.tls_protocols,
                &config.tls_ciphers,
                &config.tls_ciphersuites,
            ]
            .map(Vec::clone)
        };
        let choices = |config: &Self| {
            (
                config.tls_auth_clients,
                config.tls_auth_clients_user,
                config.tls_session_caching,
                config.tls_session_cache_size,
            )
        };
        files(self) == files(other) && choices(self) == choices(other)
    }

    /// Which parameter makes the difference where [`Config::listens_as`] does not hold.
    pub fn differing_listener(&self, other: &Config) -> &'static str {
        if self.bind != other.bind {
            "bind"
        } else if self.port != other.port {
            "port"
        } else {
            "tls-cert-file"
        }
    }

    /// The path of a file that the configuration names: as it is if it is absolute, else in `dir`.
    pub fn path_in_dir(&self, name: &[u8]) -> PathBuf {
        Path::new(OsStr::from_bytes(&self.dir)).join(OsStr::from_bytes(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_in_dir_unless_they_are_absolute() {
        let mut config = Config::default();
        config.apply_file("a", b"dir /var/lib/evenkeel").unwrap();
        let path = |name: &[u8]| config.path_in_dir(name);
        assert_eq!(path(b"a.log"), Path::new("/var/lib/evenkeel/a.log"));
        assert_eq!(path(b"logs/a"), Path::new("/var/lib/evenkeel/logs/a"));
        assert_eq!(path(b"/run/a"), Path::new("/run/a"));
    }
}
