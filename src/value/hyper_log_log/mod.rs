//! HyperLogLogs: strings that count different elements with an error of 0.81 %, in at most 12 KiB.
//!
//! ```text
//!  H Y L L │ form │ 3 unused │ estimate, 8 bytes; its top bit: out of date │ registers
//!                                                           sparse: opcodes (`sparse.rs`)
//!  element ─▶ hash of 64 bits: 14 choose a register,        dense: 16,384 of 6 bits (`dense.rs`)
//!             the zeros after them are counted ─▶ register holds the most there ever were
//! ```
//!
//! The bytes are those of Redis: clients read them by GET and write them by SET, so they may be
//! anything. A header that is none is told from registers that do not fit it.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | header, reading, changing |
//! | `sparse.rs` | registers as runs |
//! | `dense.rs` | registers of six bits |
//! | `registers.rs` | registers of a byte each: unions |
//! | `estimate.rs` | from registers to a number of elements |
//! | `murmur.rs` | the hash |
//!
//! Invariants: what [`HyperLogLog`] holds is well-formed but for the sparse registers, which are
//! checked where they are used; a change that fails has changed nothing that the caller keeps.
//!
//! Cost: an element is O(1) in dense form and O(bytes) in sparse form; an estimate O(registers).
//!
//! Not here: the commands (`command/hyper_log_log.rs`).

mod dense;
mod estimate;
mod murmur;
mod registers;
mod sparse;
#[cfg(test)]
mod tests;

pub use registers::Registers;

use super::string::StringValue;
use estimate::Histogram;
use sparse::Cursor;

/// Bits of a hash that choose a register.
const INDEX_BITS: u32 = 14;

/// How many registers there are.
pub const REGISTER_COUNT: usize = 1 << INDEX_BITS;

/// Bits of a hash that are counted: a register is at most one more.
const COUNTED_BITS: u32 = 64 - INDEX_BITS;

/// Where registers begin.
const HEADER_BYTES: usize = 16;

/// The length of the dense form.
const DENSE_BYTES: usize = HEADER_BYTES + dense::BYTES;

/// The longest sparse form that can be well-formed: an opcode of at most two bytes is in charge of
/// one register at least.
const SPARSE_BYTES_MAX: usize = HEADER_BYTES + 2 * REGISTER_COUNT;

const MAGIC: &[u8] = b"HYLL";
const FORM_AT: usize = 4;
const ESTIMATE_AT: usize = 8;

/// In the last byte of the estimate: it is out of date.
const OUT_OF_DATE: u8 = 1 << 7;

/// The seed of the hash.
const SEED: u64 = 0xadc8_3b19;

/// How registers stand in the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As an array.
    Dense,
    /// As runs.
    Sparse,
}

/// Why a string can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It does not begin as one.
    Header,
    /// Its sparse registers are not as many as there must be.
    Registers,
}

/// Checks a header; the registers of the sparse form are not looked at.
fn form_of(bytes: &[u8]) -> Result<Form, Malformed> {
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
        return Err(Malformed::Header);
    }
    match bytes[FORM_AT] {
        0 if bytes.len() == DENSE_BYTES => Ok(Form::Dense),
        1 => Ok(Form::Sparse),
        _ => Err(Malformed::Header),
    }
}

/// Notes that the estimate in a header is out of date.
fn outdate(bytes: &mut [u8]) {
    bytes[ESTIMATE_AT + 7] |= OUT_OF_DATE;
}

/// The register of an element, and what it must hold at least.
fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur::hash(element, SEED);
    let index = hash as usize % REGISTER_COUNT;
    // The bit above those that are counted ends the count.
    let counted = hash >> INDEX_BITS | 1 << COUNTED_BITS;
    (index, counted.trailing_zeros() as u8 + 1)
}

/// A HyperLogLog to be read.
#[derive(Clone, Copy, Debug)]
pub struct HyperLogLogRef<'a> {
    bytes: &'a [u8],
    form: Form,
}

impl<'a> HyperLogLogRef<'a> {
    /// Reads a string.
    ///
    /// # Errors
    /// If its header is not that of a HyperLogLog.
    pub fn read(value: StringValue<'a>) -> Result<Self, Malformed> {
        match value {
            StringValue::Integer(_) => Err(Malformed::Header),
            StringValue::Bytes(bytes) => Self::of(bytes),
        }
    }

    fn of(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let form = form_of(bytes)?;
        Ok(Self { bytes, form })
    }

    /// How its registers stand.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The estimate that was noted, unless registers have changed after it.
    pub fn noted_estimate(&self) -> Option<u64> {
        let bytes = &self.bytes[ESTIMATE_AT..HEADER_BYTES];
        let is_out_of_date = bytes[7] & OUT_OF_DATE != 0;
        let bytes = bytes.try_into().expect("an estimate has eight bytes");
        (!is_out_of_date).then(|| u64::from_le_bytes(bytes))
    }

    /// About how many different elements were added. O(registers).
    ///
    /// # Errors
    /// If the registers are malformed.
    pub fn estimate(&self) -> Result<u64, Malformed> {
        let mut histogram = Histogram::default();
        match self.form {
            Form::Dense => dense::each(self.registers(), |_, rank| histogram.count(rank, 1)),
            Form::Sparse => sparse::each_run(self.registers(), |run| {
                histogram.count(run.rank, run.count as u32);
            })?,
        }
        Ok(histogram.estimate())
    }

    /// Raises registers to these.
    ///
    /// # Errors
    /// If these are malformed; some may have been raised.
    pub fn merge_into(&self, registers: &mut Registers) -> Result<(), Malformed> {
        match self.form {
            Form::Dense => dense::merge_into(self.registers(), registers),
            Form::Sparse => {
                let mut first = 0;
                sparse::each_run(self.registers(), |run| {
                    registers.raise_run(first, run.count, run.rank);
                    first += run.count;
                })?;
            }
        }
        Ok(())
    }

    /// The runs of the sparse form, as PFDEBUG DECODE tells them; none of the dense form.
    pub fn runs_text(&self) -> Option<String> {
        (self.form == Form::Sparse).then(|| sparse::text(self.registers()))
    }

    fn registers(&self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

/// Notes an estimate in the string that it was made from.
///
/// # Panics
/// If the string has no header.
pub fn note_estimate(bytes: &mut [u8], estimate: u64) {
    bytes[ESTIMATE_AT..HEADER_BYTES].copy_from_slice(&estimate.to_le_bytes());
}

/// Adds elements to a dense HyperLogLog where it stands; whether that made a difference.
///
/// # Panics
/// If it is not dense.
pub fn add_to_dense<'e>(bytes: &mut [u8], elements: impl Iterator<Item = &'e [u8]>) -> bool {
    assert_eq!(bytes.len(), DENSE_BYTES, "a dense HyperLogLog");
    let mut is_changed = false;
    for element in elements {
        let (index, rank) = place_of(element);
        is_changed |= dense::raise(&mut bytes[HEADER_BYTES..], index, rank);
    }
    if is_changed {
        outdate(bytes);
    }
    is_changed
}

/// A copy of a HyperLogLog to be changed, or a new one.
#[derive(Clone, Debug)]
pub struct HyperLogLog {
    bytes: Vec<u8>,
    form: Form,
    /// Where the last register was found in the sparse form.
    cursor: Cursor,
}

impl HyperLogLog {
    /// One without elements.
    pub fn empty() -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[FORM_AT] = 1;
        sparse::write_empty(&mut bytes);
        Self {
            bytes,
            form: Form::Sparse,
            cursor: Cursor::default(),
        }
    }

    /// A copy.
    ///
    /// # Errors
    /// If it is longer than registers can be.
    pub fn copy(of: HyperLogLogRef<'_>) -> Result<Self, Malformed> {
        if of.bytes.len() > SPARSE_BYTES_MAX {
            return Err(Malformed::Registers);
        }
        Ok(Self {
            bytes: of.bytes.into(),
            form: of.form,
            cursor: Cursor::default(),
        })
    }

    /// The same to be read.
    fn read(&self) -> HyperLogLogRef<'_> {
        HyperLogLogRef {
            bytes: &self.bytes,
            form: self.form,
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, in which the estimate is marked as out of date.
    pub fn outdated_bytes(&mut self) -> &[u8] {
        outdate(&mut self.bytes);
        &self.bytes
    }

    /// Adds an element; whether that made a difference. The sparse form becomes dense before it is
    /// longer than `sparse_bytes_max`.
    ///
    /// # Errors
    /// If the registers are malformed.
    pub fn add(&mut self, element: &[u8], sparse_bytes_max: u64) -> Result<bool, Malformed> {
        let (index, rank) = place_of(element);
        self.raise(index, rank, sparse_bytes_max)
    }

    /// Raises its registers to those of a union.
    ///
    /// # Errors
    /// If its own are malformed.
    pub fn raise_to(
        &mut self,
        registers: &Registers,
        sparse_bytes_max: u64,
    ) -> Result<(), Malformed> {
        for (index, rank) in registers.that_are_set() {
            self.raise(index, rank, sparse_bytes_max)?;
        }
        Ok(())
    }

    fn raise(&mut self, index: usize, rank: u8, bytes_max: u64) -> Result<bool, Malformed> {
        Ok(match self.form {
            Form::Dense => dense::raise(&mut self.bytes[HEADER_BYTES..], index, rank),
            Form::Sparse => {
                let room = bytes_max.saturating_sub(self.bytes.len() as u64);
                let raised = self.cursor.raise(&mut self.bytes, index, rank, room)?;
                match raised {
                    sparse::Raised::Yes => true,
                    sparse::Raised::No => false,
                    sparse::Raised::NeedsDense => {
                        self.make_dense()?;
                        dense::raise(&mut self.bytes[HEADER_BYTES..], index, rank)
                    }
                }
            }
        })
    }

    /// Makes it dense; whether it was not.
    ///
    /// # Errors
    /// If its registers are malformed.
    pub fn make_dense(&mut self) -> Result<bool, Malformed> {
        if self.form == Form::Dense {
            return Ok(false);
        }
        let mut dense = vec![0; DENSE_BYTES];
        dense[..HEADER_BYTES].copy_from_slice(&self.bytes[..HEADER_BYTES]);
        dense[FORM_AT] = 0;
        let mut index = 0;
        sparse::each_run(&self.bytes[HEADER_BYTES..], |run| {
            for index in index..index + run.count {
                dense::raise(&mut dense[HEADER_BYTES..], index, run.rank);
            }
            index += run.count;
        })?;
        self.bytes = dense;
        self.form = Form::Dense;
        Ok(true)
    }
}

/// Whether both forms, and unions, count some elements well: for PFSELFTEST.
pub fn counts_well() -> bool {
    const ELEMENTS: u64 = 1_000;
    let (mut sparse, mut dense) = (HyperLogLog::empty(), HyperLogLog::empty());
    let mut registers = Registers::default();
    let mut count = || -> Result<[u64; 3], Malformed> {
        dense.make_dense()?;
        for element in 0..ELEMENTS {
            sparse.add(&element.to_le_bytes(), u64::MAX)?;
            dense.add(&element.to_le_bytes(), 0)?;
        }
        let (sparse, dense) = (sparse.read(), dense.read());
        sparse.merge_into(&mut registers)?;
        Ok([sparse.estimate()?, dense.estimate()?, registers.estimate()])
    };
    // As far off as six times the standard error.
    let good = ELEMENTS * 95 / 100..=ELEMENTS * 105 / 100;
    count().is_ok_and(|all| all.iter().all(|one| *one == all[0] && good.contains(one)))
}
