//! What the fuzz targets check, as functions of the fuzzer's bytes.
//!
//! ```text
//!  bytes ─▶ source.rs: choices ─▶ requests.rs: commands ─▶ commands.rs  engine, several sessions
//!    │                                                └──▶ node.rs      chunks against one by one
//!    ├─▶ parser.rs   any bytes, split and moved anyhow
//!    ├─▶ collections.rs   blocks of any bytes; trees against models
//!    ├─▶ rdb.rs      files and payloads of Redis
//!    ├─▶ pages.rs    HTTP, in any pieces
//!    ├─▶ config.rs   files, arguments, CONFIG SET
//!    ├─▶ scripts.rs  Lua: any text, a small grammar, libraries
//!    ├─▶ tls.rs      an encrypted client, its bytes split anyhow
//!    └─▶ texts.rs    patterns, numbers, words ─▶ users.rs   rules of users
//!                                             reply.rs: is this one well-formed reply?
//! ```
//!
//! Every `check` panics when a promise is broken and is deterministic, so a crash file is the whole
//! reproduction. `tests/corpus.rs` runs the corpus through them without a fuzzer.
//!
//! Not here: the binaries (`fuzz_targets/`), how they are built and run (`smoke.sh`).

pub mod collections;
pub mod commands;
pub mod config;
pub mod loader;
pub mod node;
pub mod pages;
pub mod parser;
pub mod rdb;
pub mod reply;
mod requests;
pub mod scripts;
mod source;
pub mod texts;
pub mod tls;
mod users;
mod users_model;
