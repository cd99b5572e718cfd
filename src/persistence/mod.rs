//! Rank 8: snapshots: their file, writing them in slices, loading, checking and salvaging them; and
//! the configuration file.
//!
//! ```text
//!  keyspace cut ─▶ SnapshotWriter ─▶ buffers ─▶ Storage (a file beside the target, then over it)
//!  file ─▶ Loader ─▶ verified records, libraries ─▶ engine
//! ```
//!
//! | file | what |
//! |---|---|
//! | `format.rs` | the file byte by byte: head, blocks, end |
//! | `writer.rs` | from a cut of the keyspace to blocks |
//! | `loader.rs` | from bytes to records, trusting nothing |
//! | `open_collections.rs` | whether collections in pieces are whole |
//! | `salvage.rs` | the intact blocks of a damaged file |
//! | `whole_collections.rs` | which collections in pieces a damaged file holds whole |
//! | `range_checksums.rs` | the checksum of any part of a file at a constant price |
//! | `storage.rs` | what a snapshot needs of a disk, as a trait |
//! | `file_storage.rs` | files that are written: beginning, appending, putting in place |
//! | `file_system.rs` | files that a configuration is read from |
//! | `unfinished.rs` | a file beside the one it is to replace, and whose it is |
//! | `owner.rs` | who else writes the same snapshot |
//! | `memory_storage.rs` | a disk for tests that can crash and fail |
//! | `config_file.rs` | `CONFIG REWRITE` |
//! | `embedded.rs` | `CacheEngine::save` and `load` |
//! | `rdb_intake.rs` | keys from a file of Redis or Valkey |
//! | `rdb_conversion.rs` | a snapshot from such a file |
//! | `rdb_export.rs` | keys to such a file |
//!
//! `docs/SNAPSHOT_FORMAT.md` describes the file for other programs.
//!
//! Not here: what a key looks like as bytes (`value/record/`), reading the keyspace while it
//! changes (`keyspace/cut/`), when to save (`node/saving.rs`).

mod config_file;
mod embedded;
mod file_storage;
mod file_system;
mod format;
mod loader;
#[cfg_attr(not(feature = "internals"), allow(dead_code))]
mod memory_storage;
mod open_collections;
mod owner;
mod range_checksums;
mod rdb_conversion;
mod rdb_export;
mod rdb_intake;
mod salvage;
mod storage;
mod unfinished;
mod whole_collections;
mod writer;

pub use config_file::{replace_file, rewrite_config};
pub use embedded::{Intake, LoadReport, PersistError, load_file, load_from, read_summary};
pub use file_storage::{FileStorage, ForeignFile};
pub use file_system::{CONFIG_FILE_BYTES_MAX, FileSystem};
pub use format::{Content, Damage, DamageKind, DatabaseCount, FORMAT_VERSION};
pub use loader::{Loader, Summary};
pub use memory_storage::{DiskFault, MemoryDisk};
pub use rdb_conversion::convert_rdb;
pub use rdb_intake::{RdbLoad, RdbReport, load_rdb};
pub use salvage::{Salvage, salvage};
pub use storage::{Storage, StorageReport, StorageRequest};
pub use writer::SnapshotWriter;
