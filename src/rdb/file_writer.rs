//! What stands around the keys of a file.
//!
//! Not here: keys (`value_writer.rs`), which keys there are (`cut_writer.rs`).

use super::codes::opcode;
use super::crc64::Crc64;
use super::output::{write_length, write_text};
use super::value_writer::{VERSION, VERSION_WITH_DEADLINES, write_function};
use crate::stats::REDIS_VERSION;

/// The frame of a file that is being written.
#[derive(Debug)]
pub(super) struct FileWriter {
    crc: Crc64,
}

impl FileWriter {
    /// Writes what a file begins with. Only Redis from 7.4 on loads one of hashes of which fields
    /// have deadlines.
    pub(super) fn begin<'l>(
        has_field_deadlines: bool,
        now_ms: u64,
        libraries: impl Iterator<Item = &'l [u8]>,
        out: &mut Vec<u8>,
    ) -> Self {
        let version = match has_field_deadlines {
            true => VERSION_WITH_DEADLINES,
            false => VERSION,
        };
        out.extend_from_slice(format!("REDIS{version:04}").as_bytes());
        let seconds = (now_ms / 1000).to_string();
        for (name, value) in [
            ("redis-ver", REDIS_VERSION),
            ("redis-bits", "64"),
            ("ctime", &seconds),
            ("aof-base", "0"),
        ] {
            out.push(opcode::AUX);
            write_text(name.as_bytes(), out);
            write_text(value.as_bytes(), out);
        }
        libraries.for_each(|code| write_function(code, out));
        Self {
            crc: Crc64::default(),
        }
    }

    /// Writes that keys of a database follow, and how many it has, and with a deadline: a hint.
    pub(super) fn select(&self, database: u64, (keys, expires): (u64, u64), out: &mut Vec<u8>) {
        out.push(opcode::SELECT);
        write_length(database, out);
        out.push(opcode::RESIZE);
        write_length(keys, out);
        write_length(expires, out);
    }

    /// Writes what stands before a text of so many bytes.
    pub(super) fn begin_text(&self, len: u32, out: &mut Vec<u8>) {
        write_length(len.into(), out);
    }

    /// Writes that no key follows.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        out.push(opcode::END);
    }

    /// Takes the next bytes of the file into the checksum, which is appended to the last.
    pub(super) fn seal(&mut self, bytes: &mut Vec<u8>, is_last: bool) {
        self.crc.update(bytes);
        if is_last {
            bytes.extend_from_slice(&self.crc.value().to_le_bytes());
        }
    }
}
