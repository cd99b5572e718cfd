//! The server as a process, and what it leaves on its disk.
//!
//! One program for all of them, because linking takes longer than running. A file's header says
//! what it is about and what it needs.
//!
//! | file | what |
//! |---|---|
//! | `process.rs` | connections, protocol and signals |
//! | `listening.rs` | addresses and sockets |
//! | `service.rs` | systemd: readiness, sockets that it hands over, watchdog |
//! | `configuration.rs`, `reload.rs`, `log.rs` | settings, SIGHUP, log lines |
//! | `client_memory.rs`, `long_values.rs` | limits of clients, values of many megabytes |
//! | `persistence.rs`, `loading.rs`, `crash.rs`, `shared_directory.rs` | snapshots |
//! | `snapshot_format.rs` | the file, byte by byte |
//! | `hostile.rs` | what clients can do who have no password |
//! | `tls.rs` | encrypted clients |
//! | `redis_crate.rs`, `tools/` | a client library, and tools that watch a server |
//!
//! Not here: replies of commands (`tests/scripts/`), other client libraries (`tests/clients/`).

#[path = "../support/authority.rs"]
mod authority;
#[path = "../support/snapshot.rs"]
mod snapshot;
#[path = "../support/mod.rs"]
mod support;

mod client_memory;
mod configuration;
mod crash;
mod hostile;
mod listening;
mod loading;
mod log;
mod long_values;
mod persistence;
mod process;
mod redis_crate;
mod reload;
#[cfg(target_os = "linux")]
mod service;
mod shared_directory;
mod snapshot_format;
mod tls;
mod tools;
