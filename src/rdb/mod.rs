//! Rank 4: RDB, the bytes in which Redis and Valkey write values and files.
//!
//! ```text
//!  bytes ─▶ Input ─▶ ValueReader ─▶ elements, as records have them ─▶ Assembly ─▶ the keyspace
//!                    type by type        64 KiB a step                 a value in the workshop
//!  elements ─▶ ValueWriter ─▶ bytes
//! ```
//!
//! | file | what |
//! |---|---|
//! | `error.rs` | what can be wrong, and where |
//! | `codes.rs` | the numbers of types and of what stands between keys |
//! | `input.rs` | lengths, strings and numbers |
//! | `output.rs` | the same, written |
//! | `lzf.rs` | compressed strings, undone |
//! | `crc64.rs` | the checksum |
//! | `crc64_folding.rs` | the checksum of many bytes, by another instruction |
//! | `packed.rs` | listpacks, ziplists, zipmaps, intsets: many items in one string |
//! | `transcription.rs` | listpacks, as elements in one pass |
//! | `seen_keys.rs` | whether a key comes twice |
//! | `batch.rs` | what a step of reading yields |
//! | `value_reader.rs` | a value, in steps |
//! | `stream_reader.rs` | a stream, in steps |
//! | `skipping.rs` | values of modules, passed over |
//! | `assembly.rs` | from a value's elements to a key |
//! | `file_reader.rs` | a file: what stands between keys |
//! | `cut_writer.rs` | from a cut of the keyspace to a file |
//! | `file_writer.rs` | a file: what stands around keys |
//! | `value_writer.rs` | a value, element by element |
//! | `stream_writer.rs` | a stream, row by row |
//! | `listpack_writer.rs` | a listpack |
//! | `dump.rs` | what DUMP returns: a value with a version and a checksum |
//! | `function_payload.rs` | what FUNCTION DUMP returns |
//!
//! The reader goes by type and not by version, so it reads what Redis 5.0 to 8.4 and Valkey 7.2 to
//! 9.0 write, and what older ones did. Types that later versions have added are refused, since
//! nothing tells how long they are.
//!
//! Invariant: bytes cause errors, and neither panics, recursion, nor an allocation beyond what has
//! arrived and what it unpacks to, of which LZF makes 264 times as many at most
//! (`fuzz/src/rdb.rs`).
//!
//! Not here: commands (`command/generic/dump.rs`), files (`persistence/rdb_intake.rs`,
//! `persistence/rdb_export.rs`).

mod assembly;
mod batch;
mod codes;
mod crc64;
mod crc64_folding;
mod cut_writer;
mod dump;
mod error;
mod file_reader;
mod file_writer;
mod function_payload;
mod input;
mod listpack_writer;
mod lzf;
mod output;
mod packed;
mod seen_keys;
mod skipping;
mod stream_reader;
mod stream_writer;
mod transcription;
mod value_reader;
mod value_writer;

pub use assembly::{Assembly, Built};
pub use codes::{Family, STRING as STRING_TYPE};
pub use crc64::Crc64;
pub use cut_writer::RdbWriter;
pub use dump::{DumpPayload, FOOTER_BYTES, PayloadCheck, payload_footer};
pub use error::{RdbError, Reason};
pub use file_reader::{FileReader, FileSink, KeyFacts, LeftOut};
pub use function_payload::{function_codes, function_payload};
pub use value_writer::{Begin, ValueWriter, write_string};
