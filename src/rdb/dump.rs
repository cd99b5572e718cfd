//! What DUMP returns and RESTORE takes: a value with a version and a checksum.
//!
//! ```text
//!  type 1 │ value │ version 2 │ CRC-64 of all before 8        little-endian
//! ```
//!
//! The version says nothing but whose types those from 22 on are, so any is taken.
//!
//! Not here: values (`value_writer.rs`, `assembly.rs`), the commands (`command/generic/dump.rs`).

use super::assembly::{Assembly, Built};
use super::codes::{Family, Layout, layout};
use super::crc64::Crc64;
use super::error::{Reason, Stop};
use super::input::Input;
use super::value_writer::{VERSION, VERSION_WITH_DEADLINES};
use crate::keyspace::Keyspace;
use crate::value::kind::Kind;
use std::borrow::Cow;

/// Bytes of version and checksum.
pub const FOOTER_BYTES: usize = 10;

/// Bytes of a type and a version, without which it is no payload.
const SHORTEST_BYTES: usize = 3;

/// Bytes of the checksum alone.
const CHECKSUM_BYTES: usize = 8;

/// The version and checksum of a payload of which `crc` is the checksum so far.
pub fn payload_footer(mut crc: Crc64, has_deadlines: bool) -> [u8; FOOTER_BYTES] {
    let version = match has_deadlines {
        true => VERSION_WITH_DEADLINES,
        false => VERSION,
    };
    let mut footer = [0; FOOTER_BYTES];
    footer[..2].copy_from_slice(&version.to_le_bytes());
    crc.update(&footer[..2]);
    footer[2..].copy_from_slice(&crc.value().to_le_bytes());
    footer
}

/// The checksum of a payload, taken in steps.
#[derive(Clone, Copy, Debug, Default)]
pub struct PayloadCheck {
    crc: Crc64,
    position: usize,
}

impl PayloadCheck {
    /// Goes on for so many bytes of the same payload; at the end, whether it is intact.
    pub fn step(&mut self, payload: &[u8], bytes_max: usize) -> Option<bool> {
        let Some((told, checksum)) = payload.split_last_chunk::<CHECKSUM_BYTES>() else {
            return Some(false);
        };
        let rest = &told[self.position..];
        let step = &rest[..rest.len().min(bytes_max)];
        self.crc.update(step);
        self.position += step.len();
        if self.position < told.len() {
            return None;
        }
        let is_intact = u64::from_le_bytes(*checksum) == self.crc.value();
        Some(is_intact && told.len() >= SHORTEST_BYTES)
    }
}

/// The payload that RESTORE is given, being read.
#[derive(Debug)]
pub struct DumpPayload {
    kind: Kind,
    /// Bytes of it that were read.
    position: usize,
    assembly: Option<Box<Assembly>>,
}

impl DumpPayload {
    /// Whether version and checksum are those of the payload. O(bytes).
    pub fn is_intact(payload: &[u8]) -> bool {
        PayloadCheck::default().step(payload, usize::MAX) == Some(true)
    }

    /// Begins to read an intact payload.
    ///
    /// # Errors
    /// If its type is not known.
    pub fn begin(payload: &[u8]) -> Result<Self, Reason> {
        let version = payload.len().checked_sub(FOOTER_BYTES);
        let version = version.and_then(|at| payload[at..].first_chunk());
        let version = u16::from_le_bytes(*version.ok_or(Reason::Truncated)?);
        let family = Family::of_version(version.into());
        let code = payload[0];
        let unknown = || Reason::UnknownType(code, Vec::new());
        let (kind, layout) = layout(code, family).ok_or_else(unknown)?;
        let assembly = match layout {
            Layout::String => None,
            Layout::Plain(_)
            | Layout::Packed { .. }
            | Layout::Nodes { .. }
            | Layout::Stream { .. } => Some(Box::new(Assembly::begin(kind, layout))),
        };
        Ok(Self {
            kind,
            position: 1,
            assembly,
        })
    }

    /// The kind of the value.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text of a payload that is a string.
    ///
    /// # Errors
    /// If it is malformed.
    ///
    /// # Panics
    /// If it is none.
    pub fn text(payload: &[u8]) -> Result<Cow<'_, [u8]>, Reason> {
        let mut input = Input::new(&payload[1..payload.len() - FOOTER_BYTES]);
        let text = input.text().map_err(reason)?;
        match input.is_at_end() {
            true => Ok(text),
            false => Err(Reason::Trailing),
        }
    }

    /// Reads some of the value, of the same payload; true at the end.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn step(
        &mut self,
        payload: &[u8],
        keyspace: &mut Keyspace,
        now_ms: u64,
    ) -> Result<bool, Reason> {
        let Some(assembly) = &mut self.assembly else {
            // A string is read when it is set.
            return Ok(true);
        };
        let mut input = Input::new(&payload[self.position..payload.len() - FOOTER_BYTES]);
        let is_over = assembly
            .step(&mut input, keyspace, now_ms)
            .map_err(reason)?;
        self.position += input.position;
        match is_over && !input.is_at_end() {
            true => Err(Reason::Trailing),
            false => Ok(is_over),
        }
    }

    /// What a collection has come to, when all of it was read.
    ///
    /// # Errors
    /// If an element comes twice.
    pub fn built(&mut self, keyspace: &mut Keyspace) -> Result<Built<'_>, Reason> {
        let assembly = self.assembly.as_mut().expect("it is a collection");
        assembly.built(keyspace)
    }

    /// Gives up what was read.
    pub fn scrap(&mut self, keyspace: &mut Keyspace, now_ms: u64) {
        if let Some(assembly) = &mut self.assembly {
            assembly.scrap(keyspace, now_ms);
        }
    }

    /// Bytes that are held beside the payload and the workshop.
    pub fn used_bytes(&self) -> usize {
        let assembly = self.assembly.as_ref();
        size_of::<Self>() + assembly.map_or(0, |assembly| assembly.used_bytes())
    }
}

/// A payload is there from its beginning to its end.
fn reason(stop: Stop) -> Reason {
    match stop {
        Stop::More => Reason::Truncated,
        Stop::Bad(reason) => reason,
    }
}
