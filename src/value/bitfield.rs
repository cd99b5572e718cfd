//! Integers of 1 to 64 bits at any bit offset of a string, as BITFIELD reads and writes them.
//!
//! ```text
//! type    "i" 1..64 | "u" 1..63           signed in two's complement, or unsigned
//! offset  n | "#" n                       in bits, or in fields of the type's width
//! field   bits offset .. offset + width, most significant first; bit 0 is the top of byte 0
//! ```
//!
//! 1. A field that reaches past the string's end reads zero bits there.
//! 2. A value that a field cannot hold is wrapped, saturated or refused as [`Overflow`] says; so
//!    every value stored is in the type's range.
//!
//! Cost: constant; one field touches at most nine bytes.
//!
//! Not here: single bits (`value/bits.rs`), growing the string (the command).

use std::fmt;

use crate::base::numbers;

/// The widest signed type; the widest unsigned one is a bit narrower, so that its values fit `i64`.
const SIGNED_BITS_MAX: u32 = 64;
const UNSIGNED_BITS_MAX: u32 = 63;
/// Nine bytes may hold a field's bits: 64 bits that begin with the last bit of a byte.
const FIELD_BYTES_MAX: usize = 9;
const BYTE_BITS: u32 = u8::BITS;

/// Why an argument of BITFIELD, or a bit offset of SETBIT and GETBIT, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitfieldError {
    /// The type is not one of `i1` to `i64` and `u1` to `u63`.
    Type,
    /// The offset is no integer, negative, or beyond the greatest string.
    Offset,
    /// The overflow behaviour is not one of WRAP, SAT and FAIL.
    Overflow,
}

impl BitfieldError {
    /// The error reply in the words of Redis, with its code and without line end.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Type => {
                "ERR Invalid bitfield type. Use something like i16 u8. \
                 Note that u64 is not supported but i64 is."
            }
            Self::Offset => "ERR bit offset is not an integer or out of range",
            Self::Overflow => "ERR Invalid OVERFLOW type specified",
        }
    }
}

impl fmt::Display for BitfieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl std::error::Error for BitfieldError {}

/// What happens to a value that its field cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The lowest bits are kept.
    #[default]
    Wrap,
    /// The nearest value that the field can hold is taken.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl Overflow {
    /// The behaviour named `text`: WRAP, SAT or FAIL, in any case.
    pub fn parse(text: &[u8]) -> Result<Self, BitfieldError> {
        const NAMES: [(&[u8], Overflow); 3] = [
            (b"wrap", Overflow::Wrap),
            (b"sat", Overflow::Saturate),
            (b"fail", Overflow::Fail),
        ];
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, overflow)| *overflow)
            .ok_or(BitfieldError::Overflow)
    }
}

/// The type of a field: its width and whether it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldType {
    is_signed: bool,
    bits: u32,
}

impl FieldType {
    /// The type that `text` names, such as `i16` or `u8`.
    pub fn parse(text: &[u8]) -> Result<Self, BitfieldError> {
        let (is_signed, bits_max, digits) = match text {
            [b'i', digits @ ..] => (true, SIGNED_BITS_MAX, digits),
            [b'u', digits @ ..] => (false, UNSIGNED_BITS_MAX, digits),
            _ => return Err(BitfieldError::Type),
        };
        let bits = numbers::parse_i64(digits).and_then(|bits| u32::try_from(bits).ok());
        match bits {
            Some(bits) if (1..=bits_max).contains(&bits) => Ok(Self { is_signed, bits }),
            _ => Err(BitfieldError::Type),
        }
    }

    /// The width in bits.
    #[cfg(test)]
    pub const fn bits(self) -> u32 {
        self.bits
    }

    /// The value whose two's complement is the lowest [`FieldType::bits`] of `raw`.
    const fn value_of(self, raw: u64) -> i64 {
        let unused_bits = u64::BITS - self.bits;
        if self.is_signed {
            (raw << unused_bits) as i64 >> unused_bits
        } else {
            (raw << unused_bits >> unused_bits) as i64
        }
    }

    const fn greatest(self) -> i64 {
        let value_bits = if self.is_signed {
            self.bits - 1
        } else {
            self.bits
        };
        (u64::MAX >> 1 >> (63 - value_bits)) as i64
    }

    const fn least(self) -> i64 {
        if self.is_signed {
            -self.greatest() - 1
        } else {
            0
        }
    }

    /// What the field holds after `value`, or `None` if nothing is to be written.
    fn store(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (least, greatest) = (i128::from(self.least()), i128::from(self.greatest()));
        if (least..=greatest).contains(&value) {
            return i64::try_from(value).ok();
        }
        match overflow {
            Overflow::Wrap => Some(self.value_of(value as u64)),
            Overflow::Saturate if value > greatest => Some(self.greatest()),
            Overflow::Saturate => Some(self.least()),
            Overflow::Fail => None,
        }
    }

    /// `value` as SET takes it. Redis compares an unsigned field's value as unsigned, so that a
    /// negative one is too great; and for a signed field narrower than 64 bits, a value so small
    /// that its distance to the greatest one leaves 64 bits is too great as well.
    fn value_to_set(self, value: i64) -> i128 {
        let is_taken_as_great = if self.is_signed {
            self.bits < SIGNED_BITS_MAX && self.greatest().checked_sub(value).is_none()
        } else {
            value < 0
        };
        if is_taken_as_great {
            i128::from(value as u64)
        } else {
            i128::from(value)
        }
    }
}

/// The bit offset that `text` spells: a number of bits, or with `#` a number of fields of
/// `field_type`, which SETBIT and GETBIT do not have.
///
/// Refuses offsets outside strings of `string_bytes_max` bytes.
pub fn parse_offset(
    text: &[u8],
    field_type: Option<FieldType>,
    string_bytes_max: u64,
) -> Result<u64, BitfieldError> {
    let (digits, unit_bits) = match (text, field_type) {
        ([b'#', digits @ ..], Some(field_type)) => (digits, u64::from(field_type.bits)),
        _ => (text, 1),
    };
    numbers::parse_i64(digits)
        .and_then(|count| u64::try_from(count).ok())
        .and_then(|count| count.checked_mul(unit_bits))
        .filter(|offset| offset / u64::from(BYTE_BITS) < string_bytes_max)
        .ok_or(BitfieldError::Offset)
}

/// A field: a type at a bit offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Width and sign.
    pub field_type: FieldType,
    /// The offset of the most significant bit.
    pub offset: u64,
}

impl Field {
    /// The length in bytes of the shortest string that has the whole field. Redis grows the string
    /// to this before every SET and INCRBY, also when an overflow then refuses the write.
    pub const fn bytes_needed(&self) -> u64 {
        (self.offset + self.field_type.bits as u64 - 1) / BYTE_BITS as u64 + 1
    }

    /// The field's value in `bytes`.
    pub fn get(&self, bytes: &[u8]) -> i64 {
        let window = Window::of(self);
        self.field_type
            .value_of((window.load(bytes) >> window.bits_below) as u64)
    }

    /// Writes `value` into `bytes` and returns the old value, or `None`, having written nothing, if
    /// `overflow` refuses it.
    ///
    /// # Panics
    /// If `bytes` is shorter than [`Field::bytes_needed`].
    pub fn set(&self, bytes: &mut [u8], value: i64, overflow: Overflow) -> Option<i64> {
        let old = self.get(bytes);
        let value = self.field_type.value_to_set(value);
        self.write(bytes, self.field_type.store(value, overflow)?);
        Some(old)
    }

    /// Adds `increment` to the field in `bytes` and returns the new value, or `None`, having
    /// written nothing, if `overflow` refuses it.
    ///
    /// # Panics
    /// If `bytes` is shorter than [`Field::bytes_needed`].
    pub fn increment(&self, bytes: &mut [u8], increment: i64, overflow: Overflow) -> Option<i64> {
        let sum = i128::from(self.get(bytes)) + i128::from(increment);
        let value = self.field_type.store(sum, overflow)?;
        self.write(bytes, value);
        Some(value)
    }

    fn write(&self, bytes: &mut [u8], value: i64) {
        let window = Window::of(self);
        let ones = u128::from(u64::MAX >> (u64::BITS - self.field_type.bits));
        let kept = window.load(bytes) & !(ones << window.bits_below);
        let written = (u128::from(value as u64) & ones) << window.bits_below;
        window.store(bytes, kept | written);
    }
}

/// The bytes that hold a field, seen as the top of a 128-bit integer.
struct Window {
    first_byte: usize,
    byte_count: usize,
    bits_below: u32,
}

impl Window {
    fn of(field: &Field) -> Self {
        let bits_before = (field.offset % u64::from(BYTE_BITS)) as u32;
        let bits_used = bits_before + field.field_type.bits;
        Self {
            first_byte: (field.offset / u64::from(BYTE_BITS)) as usize,
            byte_count: bits_used.div_ceil(BYTE_BITS) as usize,
            bits_below: u128::BITS - bits_used,
        }
    }

    fn load(&self, bytes: &[u8]) -> u128 {
        debug_assert!(self.byte_count <= FIELD_BYTES_MAX);
        let mut window = [0; size_of::<u128>()];
        let present = bytes.get(self.first_byte..).unwrap_or(&[]);
        let present = &present[..present.len().min(self.byte_count)];
        window[..present.len()].copy_from_slice(present);
        u128::from_be_bytes(window)
    }

    fn store(&self, bytes: &mut [u8], window: u128) {
        bytes[self.first_byte..][..self.byte_count]
            .copy_from_slice(&window.to_be_bytes()[..self.byte_count]);
    }
}

#[cfg(test)]
mod tests;
