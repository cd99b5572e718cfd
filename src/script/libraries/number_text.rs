//! Numbers as C prints and reads them: `%.14g` and its like, and `strtod`.
//!
//! Digits come from `core`, which rounds correctly, as the C library does; here they are only put
//! into C's form. So no call leaves Rust, nothing is allocated, and the result is the same on every
//! system.
//!
//! Not here: numbers that become arguments of commands (`protocol/double_text.rs`).

use std::io::Write;

/// Room for the longest text: sign, digits, zeros before them, exponent.
pub(super) const TEXT_BYTES: usize = 40;

/// The text of an integer.
pub(super) fn integer(buffer: &mut itoa::Buffer, value: i64) -> &[u8] {
    buffer.format(value).as_bytes()
}

/// `printf("%.*g", precision, number)`, with a precision from 1 to 17.
pub(super) fn general(buffer: &mut [u8; TEXT_BYTES], number: f64, precision: usize) -> &[u8] {
    if !number.is_finite() {
        return match (number.is_nan(), number.is_sign_negative()) {
            (true, false) => b"nan",
            (true, true) => b"-nan",
            (false, false) => b"inf",
            (false, true) => b"-inf",
        };
    }
    let mut scientific = [0; TEXT_BYTES];
    let mut rest = scientific.as_mut_slice();
    write!(rest, "{:.*e}", precision - 1, number.abs()).expect("the room is enough");
    let left = rest.len();
    let scientific = &scientific[..TEXT_BYTES - left];
    let mark = memchr::memchr(b'e', scientific).expect("the form has an exponent");
    let exponent = std::str::from_utf8(&scientific[mark + 1..]).expect("digits are ASCII");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    let mut digits = [0; TEXT_BYTES];
    let mut count = 0;
    for &digit in scientific[..mark].iter().filter(|&&byte| byte != b'.') {
        digits[count] = digit;
        count += 1;
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
    }
    let digits = &digits[..count];

    let mut rest = buffer.as_mut_slice();
    let mut put = |bytes: &[u8]| rest.write_all(bytes).expect("the room is enough");
    if number.is_sign_negative() {
        put(b"-");
    }
    if exponent < -4 || exponent >= precision as i32 {
        put(&digits[..1]);
        if count > 1 {
            put(b".");
            put(&digits[1..]);
        }
        put(if exponent < 0 { b"e-" } else { b"e+" });
        let exponent = exponent.unsigned_abs();
        if exponent < 10 {
            put(b"0");
        }
        put(itoa::Buffer::new().format(exponent).as_bytes());
    } else if exponent < 0 {
        put(b"0.");
        put(&b"000"[..exponent.unsigned_abs() as usize - 1]);
        put(digits);
    } else {
        let whole = exponent as usize + 1;
        put(&digits[..whole.min(count)]);
        put(&b"00000000000000000"[..whole.saturating_sub(count)]);
        if count > whole {
            put(b".");
            put(&digits[whole..]);
        }
    }
    let left = rest.len();
    &buffer[..TEXT_BYTES - left]
}

/// `strtod` of text that doesn't begin with space: the number, and how many bytes spell it; 0 if
/// none does.
pub(super) fn read(text: &[u8]) -> (f64, usize) {
    let is_negative = text.first() == Some(&b'-');
    let sign_bytes = usize::from(is_negative || text.first() == Some(&b'+'));
    let rest = &text[sign_bytes..];
    let (number, length) = magnitude(rest);
    if length == 0 {
        return (0.0, 0);
    }
    let number = if is_negative { -number } else { number };
    (number, sign_bytes + length)
}

fn magnitude(text: &[u8]) -> (f64, usize) {
    let begins_with =
        |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    if begins_with(b"infinity") {
        return (f64::INFINITY, 8);
    }
    if begins_with(b"inf") {
        return (f64::INFINITY, 3);
    }
    if begins_with(b"nan") {
        return (f64::NAN, 3 + nan_tail(&text[3..]));
    }
    if begins_with(b"0x") {
        let (number, length) = hexadecimal(&text[2..]);
        // Without a digit after it, only the zero counts.
        return if length == 0 {
            (0.0, 1)
        } else {
            (number, 2 + length)
        };
    }
    let (mantissa_bytes, has_digits) = mantissa(text, u8::is_ascii_digit);
    if !has_digits {
        return (0.0, 0);
    }
    let length = mantissa_bytes + exponent_bytes(&text[mantissa_bytes..], b'e');
    let number = std::str::from_utf8(&text[..length]).expect("digits are ASCII");
    (
        number
            .parse()
            .expect("this is how Rust spells numbers, too"),
        length,
    )
}

/// The bytes of digits with a point among them or not.
fn mantissa(text: &[u8], is_digit: fn(&u8) -> bool) -> (usize, bool) {
    let whole = text.iter().take_while(|&byte| is_digit(byte)).count();
    if text.get(whole) != Some(&b'.') {
        return (whole, whole > 0);
    }
    let fraction = &text[whole + 1..];
    let fraction = fraction.iter().take_while(|&byte| is_digit(byte)).count();
    (whole + 1 + fraction, whole + fraction > 0)
}

/// The bytes of an exponent, if there is a whole one.
fn exponent_bytes(text: &[u8], mark: u8) -> usize {
    if text.first().map(u8::to_ascii_lowercase) != Some(mark) {
        return 0;
    }
    let sign_bytes = usize::from(matches!(text.get(1), Some(b'+' | b'-')));
    let digits = &text[1 + sign_bytes..];
    let digits = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        0
    } else {
        1 + sign_bytes + digits
    }
}

/// What may follow `nan` in parentheses.
fn nan_tail(text: &[u8]) -> usize {
    if text.first() != Some(&b'(') {
        return 0;
    }
    let is_inside = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let inside = text[1..].iter().take_while(is_inside).count();
    if text.get(1 + inside) == Some(&b')') {
        inside + 2
    } else {
        0
    }
}

/// A hexadecimal number after its `0x`, correctly rounded.
fn hexadecimal(text: &[u8]) -> (f64, usize) {
    let (mantissa_bytes, has_digits) = mantissa(text, u8::is_ascii_hexdigit);
    if !has_digits {
        return (0.0, 0);
    }
    let length = mantissa_bytes + exponent_bytes(&text[mantissa_bytes..], b'p');
    // The first 60 bits, of which the last says if anything follows: enough to round by.
    let (mut bits, mut scale, mut is_fraction) = (0_u64, 0_i64, false);
    for &byte in &text[..mantissa_bytes] {
        let Some(digit) = char::from(byte).to_digit(16) else {
            is_fraction = true;
            continue;
        };
        if bits >> 56 == 0 {
            bits = bits << 4 | u64::from(digit);
            scale -= if is_fraction { 4 } else { 0 };
        } else {
            bits |= u64::from(digit != 0);
            scale += if is_fraction { 0 } else { 4 };
        }
    }
    let exponent = text[mantissa_bytes..length].get(1..).unwrap_or_default();
    let exponent_negative = exponent.first() == Some(&b'-');
    let digits = exponent.iter().filter(|byte| byte.is_ascii_digit());
    let exponent = digits.fold(0_i64, |value, digit| {
        (value * 10 + i64::from(digit - b'0')).min(1 << 40)
    });
    let scale = scale
        + if exponent_negative {
            -exponent
        } else {
            exponent
        };
    (scaled(bits, scale), length)
}

/// `bits × 2^scale`, rounded once.
fn scaled(bits: u64, scale: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = 63 - i64::from(bits.leading_zeros());
    if top + scale > 1023 {
        return f64::INFINITY;
    }
    // The least bit that the result has room for.
    let least = (top + scale - 52).max(-1074);
    let dropped = least - scale;
    if dropped <= 0 {
        // Exact: both factors are, as they are split so that none is below the range.
        let half = scale / 2;
        return bits as f64 * 2_f64.powi(half as i32) * 2_f64.powi((scale - half) as i32);
    }
    if dropped > 63 {
        return 0.0;
    }
    let kept = bits >> dropped;
    let rest = bits & ((1 << dropped) - 1);
    let middle = 1_u64 << (dropped - 1);
    let is_up = rest > middle || (rest == middle && kept & 1 == 1);
    let kept = (kept + u64::from(is_up)) as f64;
    let half = least / 2;
    kept * 2_f64.powi(half as i32) * 2_f64.powi((least - half) as i32)
}
