//! A file of Redis or Valkey, read as its bytes come.
//!
//! ```text
//!  REDIS0009 … REDIS0012, VALKEY080
//!  [ 250 name, value │ 254 database │ 251 sizes │ 245 library │ 247 a module's own
//!    253, 252 deadline │ 248 idle time │ 249 frequency │ type, key, value ] …
//!  255 │ checksum 8
//! ```
//!
//! The checksum is little-endian, and 0 where the writer was told to leave it out.
//!
//! Invariants: what is shown was read whole; the first damage ends the reading, with its offset.
//! Memory: one string or step of the file, as far as it has arrived.
//!
//! Not here: values (`assembly.rs`), where the bytes come from (`persistence/rdb_file.rs`).

use super::assembly::{Assembly, Built};
use super::codes::{self, Family, Layout, layout, opcode};
use super::crc64::Crc64;
use super::error::{RdbError, Reason, Stop};
use super::input::Input;
use super::skipping::skip_part;
use crate::keyspace::{Keyspace, WorkId};
use crate::value::kind::Kind;
use crate::value::record::{Collected, KeyRecord, RecordValue};
use crate::value::string::StringValue;

/// Bytes of what a file begins with.
const MAGIC_BYTES: usize = 9;

/// Before this version there was no checksum.
const VERSION_WITH_CHECKSUM: u32 = 5;

/// What a file goes on with is looked at in pieces of so many bytes at least, while something has
/// begun.
const PIECE_BYTES: usize = 4 * 1024;

/// Capacity that is kept for what comes next; what a long string needed is given back.
const BUFFER_KEPT_BYTES: usize = 4 << 20;

/// What a file says of a key beside its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFacts {
    /// When it expires, in Unix milliseconds.
    pub deadline_ms: Option<u64>,
    /// Seconds since it was used.
    pub idle_s: Option<u64>,
    /// How often it was used, on a logarithmic scale.
    pub frequency: Option<u8>,
}

/// What was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// A key whose collection has no elements.
    Empty(Vec<u8>),
    /// A key with the value of a module.
    Module(Vec<u8>),
    /// What a module keeps beside keys.
    ModuleData,
}

/// Who takes what a file holds.
pub trait FileSink {
    /// The keyspace, and the time.
    fn keyspace(&mut self) -> (&mut Keyspace, u64);

    /// A key that one record says, which was checked.
    ///
    /// # Errors
    /// The reason to read no further.
    fn small(
        &mut self,
        database: u64,
        record: KeyRecord<'_>,
        facts: KeyFacts,
    ) -> Result<(), Reason>;

    /// A key of this kind whose value stands in the workshop.
    ///
    /// # Errors
    /// The reason to read no further; the value is the sink's all the same.
    fn large(
        &mut self,
        database: u64,
        key: &[u8],
        kind: Kind,
        work: WorkId,
        facts: KeyFacts,
    ) -> Result<(), Reason>;

    /// Whether collections that are too much for a record are shown by [`FileSink::long`], but for
    /// streams and hashes with deadlines.
    fn takes_long(&self) -> bool {
        false
    }

    /// A key with all of its collection, which was checked. Only called where
    /// [`FileSink::takes_long`] says so.
    ///
    /// # Errors
    /// The reason to read no further.
    fn long(
        &mut self,
        _database: u64,
        _key: &[u8],
        _collected: Collected<'_>,
        _facts: KeyFacts,
    ) -> Result<(), Reason> {
        unreachable!("it was not asked for")
    }

    /// The code of a library of functions.
    ///
    /// # Errors
    /// The reason to read no further.
    fn function(&mut self, code: &[u8]) -> Result<(), Reason>;

    /// Something was passed over.
    fn left_out(&mut self, what: LeftOut);

    /// The file says this of itself.
    fn note(&mut self, _name: &[u8], _value: &[u8]) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Magic,
    Between,
    Value(Kind),
    /// Parts of a module's value follow, which are passed over.
    Module,
    Checksum,
    Ended,
}

/// Reads one file.
#[derive(Debug)]
pub struct FileReader {
    stage: Stage,
    skips_unknown: bool,
    buffer: Vec<u8>,
    /// Offset in the file of the first byte that is not consumed.
    offset: u64,
    crc: Crc64,
    version: u32,
    family: Family,
    database: u64,
    facts: KeyFacts,
    key: Vec<u8>,
    assembly: Option<Box<Assembly>>,
}

impl FileReader {
    /// At the beginning of a file. Values of modules end the reading unless `skips_unknown`.
    pub fn new(skips_unknown: bool) -> Self {
        Self {
            stage: Stage::Magic,
            skips_unknown,
            buffer: Vec::new(),
            offset: 0,
            crc: Crc64::default(),
            version: 0,
            family: Family::Redis,
            database: 0,
            facts: KeyFacts::default(),
            key: Vec::new(),
            assembly: None,
        }
    }

    /// The version that the file states.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Whether all of the file was read.
    pub fn is_at_end(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Takes the next bytes of the file, and shows what is whole.
    ///
    /// # Errors
    /// What is wrong with the file, or what the sink says. Nothing more can be fed; what was shown
    /// is the sink's.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FileSink) -> Result<(), RdbError> {
        let taken = self.feed_until_end(bytes, sink)?;
        if taken < bytes.len() {
            let (offset, reason) = (self.offset, Reason::Trailing);
            return Err(RdbError { offset, reason });
        }
        Ok(())
    }

    /// As [`FileReader::feed`], for a file that something else follows. Returns how many of the
    /// bytes belong to the file: all, until [`FileReader::is_at_end`].
    ///
    /// # Errors
    /// As there.
    pub fn feed_until_end(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FileSink,
    ) -> Result<usize, RdbError> {
        self.take_in(bytes, sink)?;
        let left_bytes = match self.is_at_end() {
            true => std::mem::take(&mut self.buffer).len(),
            false => 0,
        };
        debug_assert!(
            left_bytes <= bytes.len(),
            "what was held did not end the file"
        );
        Ok(bytes.len() - left_bytes)
    }

    fn take_in(&mut self, bytes: &[u8], sink: &mut dyn FileSink) -> Result<(), RdbError> {
        let mut rest = bytes;
        // What has begun is completed by as much as it has, and what follows need not be copied.
        while !self.buffer.is_empty() && !rest.is_empty() {
            let mut buffer = std::mem::take(&mut self.buffer);
            let held_bytes = buffer.len();
            let (piece, after) = rest.split_at(rest.len().min(held_bytes.max(PIECE_BYTES)));
            buffer.extend_from_slice(piece);
            let consumed = self.consume(&buffer, sink)?;
            if let Some(of_piece) = consumed.checked_sub(held_bytes) {
                rest = &rest[of_piece..];
                buffer.clear();
            } else {
                rest = after;
                buffer.drain(..consumed);
            }
            if buffer.capacity() > BUFFER_KEPT_BYTES {
                buffer.shrink_to(BUFFER_KEPT_BYTES);
            }
            self.buffer = buffer;
            if self.is_at_end() {
                break;
            }
        }
        if self.buffer.is_empty() && !self.is_at_end() {
            let consumed = self.consume(rest, sink)?;
            rest = &rest[consumed..];
        }
        self.buffer.extend_from_slice(rest);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It ended too early.
    pub fn finish(&self) -> Result<(), RdbError> {
        let reason = match self.stage {
            Stage::Ended => return Ok(()),
            Stage::Magic if !is_begin_of_magic(&self.buffer) => Reason::NotRdb,
            _ => Reason::Truncated,
        };
        let offset = self.offset + self.buffer.len() as u64;
        Err(RdbError { offset, reason })
    }

    /// Gives up a value that has begun.
    pub fn abandon(&mut self, sink: &mut dyn FileSink) {
        if let Some(assembly) = &mut self.assembly {
            let (keyspace, now_ms) = sink.keyspace();
            assembly.scrap(keyspace, now_ms);
        }
    }

    /// Reads as much as is whole; how many bytes that is.
    fn consume(&mut self, bytes: &[u8], sink: &mut dyn FileSink) -> Result<usize, RdbError> {
        let mut input = Input::new(bytes);
        let mut summed = 0;
        loop {
            let (stage, begin) = (self.stage, input.position);
            match stage {
                Stage::Ended => break,
                // All before it is summed up by then.
                Stage::Checksum => {
                    self.crc.update(&bytes[summed..begin]);
                    summed = begin;
                }
                Stage::Magic | Stage::Between | Stage::Value(_) | Stage::Module => {}
            }
            let outcome = self.unit(&mut input, sink);
            // A value goes on where its last whole element ended.
            if outcome.is_err() && !matches!(stage, Stage::Value(_)) {
                input.position = begin;
            }
            match outcome {
                Ok(()) => {}
                Err(Stop::More) => break,
                Err(Stop::Bad(reason)) => return Err(self.error(&input, reason)),
            }
        }
        if self.stage != Stage::Ended {
            self.crc.update(&bytes[summed..input.position]);
        }
        self.offset += input.position as u64;
        Ok(input.position)
    }

    fn error(&self, input: &Input<'_>, reason: Reason) -> RdbError {
        let offset = self.offset + input.position as u64;
        RdbError { offset, reason }
    }

    fn unit(&mut self, input: &mut Input<'_>, sink: &mut dyn FileSink) -> Result<(), Stop> {
        match self.stage {
            Stage::Magic => self.read_magic(input),
            Stage::Between => self.read_between(input, sink),
            Stage::Value(kind) => self.read_value(kind, input, sink),
            Stage::Module => {
                if skip_part(input)? {
                    self.stage = Stage::Between;
                }
                Ok(())
            }
            Stage::Checksum => {
                let told = input.u64()?;
                if told != 0 && told != self.crc.value() {
                    return Err(Reason::Checksum.into());
                }
                self.stage = Stage::Ended;
                Ok(())
            }
            Stage::Ended => Ok(()),
        }
    }

    fn read_magic(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        let magic = input.array::<MAGIC_BYTES>()?;
        let version = version_of(&magic).ok_or(Reason::NotRdb)?;
        self.version = version;
        self.family = Family::of_version(version);
        self.stage = Stage::Between;
        Ok(())
    }

    /// Reads what stands between keys, or a key with what its value begins with.
    fn read_between(&mut self, input: &mut Input<'_>, sink: &mut dyn FileSink) -> Result<(), Stop> {
        let code = input.byte()?;
        match code {
            opcode::AUX => {
                let name = input.text()?;
                let value = input.text()?;
                sink.note(&name, &value);
            }
            opcode::SELECT => self.database = input.length()?,
            opcode::RESIZE => {
                input.length()?;
                input.length()?;
            }
            opcode::SLOT_INFO => {
                for _ in 0..3 {
                    input.length()?;
                }
            }
            opcode::SLOT_IMPORT if self.family == Family::Valkey => {
                input.word()?;
                for _ in 0..input.length()? {
                    input.length()?;
                    input.length()?;
                }
            }
            opcode::DEADLINE_S => {
                let seconds = i32::from_le_bytes(input.array()?);
                let seconds = u64::try_from(seconds).unwrap_or(0);
                self.facts.deadline_ms = Some(seconds * 1000);
            }
            opcode::DEADLINE_MS => {
                let ms = i64::from_le_bytes(input.array()?);
                self.facts.deadline_ms = Some(u64::try_from(ms).unwrap_or(0));
            }
            opcode::IDLE => self.facts.idle_s = Some(input.length()?),
            opcode::FREQUENCY => self.facts.frequency = Some(input.byte()?),
            opcode::FUNCTION => {
                let code = input.text()?;
                sink.function(&code)?;
            }
            opcode::MODULE_AUX => {
                input.length()?;
                sink.left_out(LeftOut::ModuleData);
                self.stage = Stage::Module;
            }
            opcode::END => {
                self.stage = match self.version >= VERSION_WITH_CHECKSUM {
                    true => Stage::Checksum,
                    false => Stage::Ended,
                };
            }
            kind => return self.read_key(kind, input, sink),
        }
        Ok(())
    }

    fn read_key(
        &mut self,
        code: u8,
        input: &mut Input<'_>,
        sink: &mut dyn FileSink,
    ) -> Result<(), Stop> {
        if code > codes::TYPE_MAX {
            return Err(Reason::UnknownCode(code).into());
        }
        let key = input.text()?;
        let facts = self.facts;
        match layout(code, self.family) {
            Some((_, Layout::String)) => {
                let text = input.text()?;
                let record = KeyRecord {
                    key: &key,
                    value: RecordValue::String(StringValue::compact(&text)),
                    deadline_ms: facts.deadline_ms,
                };
                sink.small(self.database, record, facts)?;
                self.facts = KeyFacts::default();
            }
            Some((kind, layout)) => {
                match &mut self.assembly {
                    Some(assembly) => assembly.begin_again(kind, layout),
                    None => self.assembly = Some(Box::new(Assembly::begin(kind, layout))),
                }
                if let Some(assembly) = self.assembly.as_mut().filter(|_| sink.takes_long()) {
                    assembly.keep_all();
                }
                self.key.clear();
                self.key.extend_from_slice(&key);
                self.stage = Stage::Value(kind);
            }
            None if code == codes::MODULE_2 && self.skips_unknown => {
                input.length()?;
                sink.left_out(LeftOut::Module(key.into_owned()));
                self.facts = KeyFacts::default();
                self.stage = Stage::Module;
            }
            None if code == codes::MODULE || code == codes::MODULE_2 => {
                return Err(Reason::ModuleValue(key.into_owned()).into());
            }
            None => return Err(Reason::UnknownType(code, key.into_owned()).into()),
        }
        Ok(())
    }

    fn read_value(
        &mut self,
        kind: Kind,
        input: &mut Input<'_>,
        sink: &mut dyn FileSink,
    ) -> Result<(), Stop> {
        let assembly = self.assembly.as_mut().expect("a value has begun");
        let (keyspace, now_ms) = sink.keyspace();
        if !assembly.step(input, keyspace, now_ms)? {
            return Ok(());
        }
        let facts = std::mem::take(&mut self.facts);
        match assembly.built(keyspace)? {
            Built::Nothing => sink.left_out(LeftOut::Empty(self.key.clone())),
            Built::Small(collected) => {
                let record = KeyRecord {
                    key: &self.key,
                    value: RecordValue::Collection(collected),
                    deadline_ms: facts.deadline_ms,
                };
                sink.small(self.database, record, facts)?;
            }
            Built::Long(collected) => sink.long(self.database, &self.key, collected, facts)?,
            Built::Large(work) => {
                assembly.hand_over();
                sink.large(self.database, &self.key, kind, work, facts)?;
            }
        }
        self.stage = Stage::Between;
        Ok(())
    }
}

/// The version of a file that begins so.
fn version_of(magic: &[u8; MAGIC_BYTES]) -> Option<u32> {
    let digits = match (magic.strip_prefix(b"REDIS"), magic.strip_prefix(b"VALKEY")) {
        (Some(digits), _) | (None, Some(digits)) => digits,
        (None, None) => return None,
    };
    let digits = std::str::from_utf8(digits).ok()?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits
        .parse()
        .ok()
        .filter(|&version| is_number && version > 0)
}

fn is_begin_of_magic(bytes: &[u8]) -> bool {
    b"REDIS".starts_with(&bytes[..bytes.len().min(5)])
        || b"VALKEY".starts_with(&bytes[..bytes.len().min(6)])
}
