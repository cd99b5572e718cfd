//! Rank 1: the wire protocol, as bytes, argument ranges and reply shapes.
//!
//! ```text
//!  read buffer ─▶ CommandParser ─▶ RequestBatch ─▶ Args ─▶ (command) ─▶ ReplyWriter ─▶ output buffer
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the arguments of one request, borrowed or owned |
//! | [`batch`] | the requests parsed from one buffer |
//! | [`bulk_row`] | strings of a reply, written one after the other into room for all |
//! | [`error`] | error texts of replies, and what can be wrong with a request's bytes |
//! | [`parser`] | bytes to requests |
//! | [`reply`] | replies to bytes, in three dialects |
//!
//! Not here: any key or command name (`command/`), sockets and buffers (`node/`, `server/`).

pub mod args;
pub mod batch;
pub mod bulk_row;
pub(crate) mod double_text;
pub mod error;
pub mod parser;
pub mod reply;
