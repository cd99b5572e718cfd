//! Lengths and strings, written.
//!
//! Not here: what the bytes mean (`input.rs`).

use crate::structures::item::Item;

/// Writes a length, in its shortest form.
#[inline]
pub(super) fn write_length(len: u64, out: &mut Vec<u8>) {
    match len {
        0..64 => out.push(len as u8),
        64..16_384 => out.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
        16_384..=0xffff_ffff => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}

/// Writes a text.
#[inline]
pub(super) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    write_length(text.len() as u64, out);
    out.extend_from_slice(text);
}

/// Writes an integer as a string.
pub(super) fn write_integer(value: i64, out: &mut Vec<u8>) {
    if let Ok(value) = i8::try_from(value) {
        out.extend([0xc0, value as u8]);
    } else if let Ok(value) = i16::try_from(value) {
        out.push(0xc1);
        out.extend_from_slice(&value.to_le_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(0xc2);
        out.extend_from_slice(&value.to_le_bytes());
    } else {
        write_text(itoa::Buffer::new().format(value).as_bytes(), out);
    }
}

/// Writes an item that is no score.
#[inline]
pub(super) fn write_item(item: Item<'_>, out: &mut Vec<u8>) {
    match item {
        Item::Integer(value) => write_integer(value, out),
        Item::Text(text) => write_text(text, out),
        Item::Double(_) => unreachable!("scores are written as such"),
    }
}
