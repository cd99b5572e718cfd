//! What FUNCTION DUMP gives and FUNCTION RESTORE takes: the bytes of Redis.
//!
//! ```text
//!  0xf5 code … │ version 2 │ CRC-64 of all before 8        little-endian
//! ```
//!
//! Invariant: bytes from outside cause errors, and no allocation beyond what they unpack to.
//!
//! Not here: loading what they hold (`script/function_libraries.rs`), values (`dump.rs`).

use super::codes::opcode;
use super::crc64::Crc64;
use super::dump::{FOOTER_BYTES, payload_footer};
use super::input::Input;
use super::value_writer::write_function;

/// Of a newer Redis than the one whose version is written, which writes functions the same.
const VERSION_MAX: u16 = 11;

/// The payload of texts of libraries.
pub fn function_payload<'a>(codes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut payload = Vec::new();
    for code in codes {
        write_function(code, &mut payload);
    }
    let mut crc = Crc64::default();
    crc.update(&payload);
    payload.extend_from_slice(&payload_footer(crc, false));
    payload
}

/// The texts of a payload; `None` if it is none, or damaged.
pub fn function_codes(payload: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (body, footer) = payload.split_last_chunk::<FOOTER_BYTES>()?;
    let (version, checksum) = footer.split_at(2);
    let version = u16::from_le_bytes(version.try_into().ok()?);
    let checksum = u64::from_le_bytes(checksum.try_into().ok()?);
    let checked = &payload[..body.len() + 2];
    // A sender may leave it out.
    if version > VERSION_MAX || (checksum != 0 && checksum != Crc64::of(checked)) {
        return None;
    }
    let mut input = Input::new(body);
    let mut codes = Vec::new();
    while !input.is_at_end() {
        if input.byte().ok()? != opcode::FUNCTION {
            return None;
        }
        codes.push(input.text().ok()?.into_owned());
    }
    Some(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `FUNCTION DUMP` of redis-server 7.0.15.
    const OF_REDIS: &[u8] = b"\xf5\xc3@C@M\x1f#!lua name=x\nredis.register_func\x04tion{\xc0\x08\x00_`'\n1,callback=\xc0\x18\x06() end}\n\x00\x82s\x19\xab\xb3\x9f\xc9|";
    const CODE: &[u8] =
        b"#!lua name=x\nredis.register_function{function_name=1,callback=function() end}";

    #[test]
    fn payloads_of_redis_and_our_own_are_read() {
        assert_eq!(function_codes(OF_REDIS), Some(vec![CODE.to_vec()]));
        let long = vec![b'x'; 70_000];
        let codes = [CODE, b"short", &long, b""];
        let payload = function_payload(codes.into_iter());
        let expected: Vec<Vec<u8>> = codes.iter().map(|code| code.to_vec()).collect();
        assert_eq!(function_codes(&payload), Some(expected));
        assert_eq!(
            function_codes(&function_payload(std::iter::empty())),
            Some(Vec::new())
        );
    }

    #[test]
    fn what_is_damaged_is_refused() {
        for cut in 0..OF_REDIS.len() {
            assert_eq!(function_codes(&OF_REDIS[..cut]), None, "{cut}");
            let mut changed = OF_REDIS.to_vec();
            changed[cut] ^= 1;
            assert_eq!(function_codes(&changed), None, "{cut}");
            // Without a checksum what is left is read as far as it makes sense.
            let end = changed.len() - 8;
            changed[end..].fill(0);
            _ = function_codes(&changed);
        }
    }
}
