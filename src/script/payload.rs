//! What FUNCTION DUMP gives and FUNCTION RESTORE takes: the bytes of Redis.
//!
//! ```text
//!  0xf5 length code … │ version, 2 bytes │ CRC-64 of all before, 8 bytes little-endian
//!  length   00xxxxxx   01xxxxxx x   0x80 and 32 bits big-endian
//!           0xc3: LZF, then the lengths compressed and plain
//! ```
//!
//! Invariant: bytes from outside cause errors, and no allocation beyond what they unpack to, of
//! which LZF makes 264 times as many at most.
//!
//! Not here: loading what they hold (`function_libraries.rs`).

/// The version written, that of Redis 7.0; newer ones are refused.
const VERSION: u16 = 10;
/// Of a newer Redis, whose functions are written the same.
const VERSION_MAX: u16 = 11;
const FOOTER_BYTES: usize = 10;
const FUNCTION: u8 = 245;
const LZF: u8 = 0xc3;

/// The payload of texts of libraries.
pub fn dump<'a>(codes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut payload = Vec::new();
    for code in codes {
        payload.push(FUNCTION);
        push_len(&mut payload, code.len());
        payload.extend_from_slice(code);
    }
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = crc64(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

fn push_len(payload: &mut Vec<u8>, len: usize) {
    match len {
        0..64 => payload.push(len as u8),
        64..16_384 => payload.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
        _ => {
            payload.push(0x80);
            payload.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

/// The texts of a payload; `None` if it is none, or damaged.
pub fn restore(payload: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (body, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER_BYTES)?)?;
    let (version, checksum) = footer.split_at(2);
    let version = u16::from_le_bytes(version.try_into().ok()?);
    let checksum = u64::from_le_bytes(checksum.try_into().ok()?);
    let checked = &payload[..body.len() + 2];
    // A sender may leave it out.
    if version > VERSION_MAX || (checksum != 0 && checksum != crc64(checked)) {
        return None;
    }
    let mut rest = body;
    let mut codes = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        rest = after;
        if kind != FUNCTION {
            return None;
        }
        codes.push(take_string(&mut rest)?);
    }
    Some(codes)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

fn take_len(rest: &mut &[u8]) -> Option<usize> {
    let first = take(rest, 1)?[0];
    match first >> 6 {
        0 => Some(usize::from(first)),
        1 => Some(usize::from(first & 63) << 8 | usize::from(take(rest, 1)?[0])),
        2 if first == 0x80 => {
            let bytes = take(rest, 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(bytes) as usize)
        }
        _ => None,
    }
}

fn take_string(rest: &mut &[u8]) -> Option<Vec<u8>> {
    if rest.first() == Some(&LZF) {
        take(rest, 1)?;
        let packed_len = take_len(rest)?;
        let len = take_len(rest)?;
        return unpack(take(rest, packed_len)?, len);
    }
    let len = take_len(rest)?;
    Some(take(rest, len)?.to_vec())
}

/// Undoes LZF.
fn unpack(mut packed: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while !packed.is_empty() && bytes.len() <= len {
        let control = usize::from(take(&mut packed, 1)?[0]);
        if control < 32 {
            bytes.extend_from_slice(take(&mut packed, control + 1)?);
            continue;
        }
        let mut count = control >> 5;
        if count == 7 {
            count += usize::from(take(&mut packed, 1)?[0]);
        }
        let low = usize::from(take(&mut packed, 1)?[0]);
        let distance = ((control & 31) << 8 | low) + 1;
        let begin = bytes.len().checked_sub(distance)?;
        for index in begin..begin + count + 2 {
            bytes.push(bytes[index]);
        }
    }
    (bytes.len() == len).then_some(bytes)
}

/// The CRC-64 of Redis: Jones's polynomial, reflected, from zero.
fn crc64(bytes: &[u8]) -> u64 {
    const REFLECTED: u64 = 0x95ac_9329_ac4b_c9b5;
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u64::from(byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { REFLECTED } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `FUNCTION DUMP` of redis-server 7.0.15.
    const OF_REDIS: &[u8] = b"\xf5\xc3@C@M\x1f#!lua name=x\nredis.register_func\x04tion{\xc0\x08\x00_`'\n1,callback=\xc0\x18\x06() end}\n\x00\x82s\x19\xab\xb3\x9f\xc9|";
    const CODE: &[u8] =
        b"#!lua name=x\nredis.register_function{function_name=1,callback=function() end}";

    #[test]
    fn the_checksum_is_that_of_redis() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn payloads_of_redis_and_our_own_are_read() {
        assert_eq!(restore(OF_REDIS), Some(vec![CODE.to_vec()]));
        let long = vec![b'x'; 70_000];
        let codes = [CODE, b"short", &long, b""];
        let payload = dump(codes.into_iter());
        let expected: Vec<Vec<u8>> = codes.iter().map(|code| code.to_vec()).collect();
        assert_eq!(restore(&payload), Some(expected));
        assert_eq!(restore(&dump(std::iter::empty())), Some(Vec::new()));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        for cut in 0..OF_REDIS.len() {
            assert_eq!(restore(&OF_REDIS[..cut]), None, "{cut}");
            let mut changed = OF_REDIS.to_vec();
            changed[cut] ^= 1;
            assert_eq!(restore(&changed), None, "{cut}");
            // Without a checksum what is left is read as far as it makes sense.
            let end = changed.len() - 8;
            changed[end..].fill(0);
            _ = restore(&changed);
        }
    }
}
