//! Bit fields against a naive model of one bit an element.

use super::*;

const STRING_BYTES_MAX: u64 = 512 * 1024 * 1024;

fn field(field_type: &str, offset: u64) -> Field {
    let field_type = FieldType::parse(field_type.as_bytes()).expect("the type is valid");
    Field { field_type, offset }
}

#[test]
fn types_are_i1_to_i64_and_u1_to_u63() {
    for text in ["i1", "i64", "u1", "u63"] {
        let bits = FieldType::parse(text.as_bytes()).expect("the type is valid");
        assert_eq!(bits.bits().to_string(), text[1..]);
    }
    for text in [
        "", "i", "u", "8", "i0", "u0", "i65", "u64", "I8", "U8", "i08", "i+8", "i-8", "i8 ",
    ] {
        assert_eq!(
            FieldType::parse(text.as_bytes()),
            Err(BitfieldError::Type),
            "{text:?}"
        );
    }
}

#[test]
fn offsets_count_bits_or_fields() {
    let i8_type = Some(field("i8", 0).field_type);
    let parse =
        |text: &str, field_type| parse_offset(text.as_bytes(), field_type, STRING_BYTES_MAX);
    assert_eq!(parse("0", i8_type), Ok(0));
    assert_eq!(parse("#3", i8_type), Ok(24));
    assert_eq!(parse("4294967295", i8_type), Ok(4_294_967_295));
    assert_eq!(parse("4294967295", None), Ok(4_294_967_295));
    assert_eq!(parse("#536870911", i8_type), Ok(4_294_967_288));
    let refused = [
        "",
        "#",
        "-1",
        "#-1",
        "# 1",
        "01",
        "x",
        "4294967296",
        "#536870912",
        "9223372036854775807",
        "#2305843009213693952",
        "##1",
    ];
    for text in refused {
        assert_eq!(parse(text, i8_type), Err(BitfieldError::Offset), "{text:?}");
    }
    assert_eq!(parse("#1", None), Err(BitfieldError::Offset));
}

#[test]
fn overflow_names_have_any_case() {
    assert_eq!(Overflow::parse(b"WRAP"), Ok(Overflow::Wrap));
    assert_eq!(Overflow::parse(b"sat"), Ok(Overflow::Saturate));
    assert_eq!(Overflow::parse(b"Fail"), Ok(Overflow::Fail));
    assert_eq!(Overflow::parse(b"saturate"), Err(BitfieldError::Overflow));
    assert_eq!(Overflow::parse(b""), Err(BitfieldError::Overflow));
}

#[test]
fn error_texts_are_those_of_redis() {
    assert_eq!(
        BitfieldError::Type.text(),
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but \
         i64 is."
    );
    assert_eq!(
        BitfieldError::Offset.to_string(),
        "ERR bit offset is not an integer or out of range"
    );
    assert_eq!(
        BitfieldError::Overflow.text(),
        "ERR Invalid OVERFLOW type specified"
    );
}

#[test]
fn fields_begin_with_their_most_significant_bit() {
    let bytes = [0b1010_0101, 0b1100_0000];
    assert_eq!(field("u8", 0).get(&bytes), 0xa5);
    assert_eq!(field("i8", 0).get(&bytes), -91);
    assert_eq!(field("u4", 6).get(&bytes), 0b0111);
    assert_eq!(field("i1", 0).get(&bytes), -1);
    assert_eq!(field("u1", 1).get(&bytes), 0);
    // Zeros follow the string.
    assert_eq!(field("u8", 8).get(&bytes), 0xc0);
    assert_eq!(field("u16", 8).get(&bytes), 0xc000);
    assert_eq!(field("i64", 9).get(&bytes), i64::MIN);
    assert_eq!(field("u63", 4_000_000_000).get(&bytes), 0);
    assert_eq!(field("u8", 0).bytes_needed(), 1);
    assert_eq!(field("u8", 1).bytes_needed(), 2);
    assert_eq!(field("i64", 7).bytes_needed(), 9);
}

/// Field, stored value, operand; then what INCRBY leaves under WRAP, SAT and FAIL.
type IncrementCase = (&'static str, i64, i64, [Option<i64>; 3]);

#[test]
fn increments_overflow_as_asked() {
    let cases: [IncrementCase; 8] = [
        ("u8", 250, 5, [Some(255); 3]),
        ("u8", 250, 6, [Some(0), Some(255), None]),
        ("u8", 3, -4, [Some(255), Some(0), None]),
        ("i8", 127, 1, [Some(-128), Some(127), None]),
        ("i8", -128, -1, [Some(127), Some(-128), None]),
        ("i64", i64::MAX, 1, [Some(i64::MIN), Some(i64::MAX), None]),
        (
            "u63",
            i64::MAX,
            i64::MAX,
            [Some(i64::MAX - 1), Some(i64::MAX), None],
        ),
        ("u8", 7, i64::MIN, [Some(7), Some(0), None]),
    ];
    for (name, value, increment, results) in cases {
        for (overflow, result) in [Overflow::Wrap, Overflow::Saturate, Overflow::Fail]
            .into_iter()
            .zip(results)
        {
            let mut bytes = [0xff; 10];
            let target = field(name, 5);
            target.set(&mut bytes, value, Overflow::Fail);
            assert_eq!(
                target.increment(&mut bytes, increment, overflow),
                result,
                "{name} {value} {increment} {overflow:?}"
            );
            assert_eq!(target.get(&bytes), result.unwrap_or(value));
        }
    }
}

#[test]
fn setting_returns_the_old_value_and_overflows_too() {
    let mut bytes = [0x11, 0x22];
    assert_eq!(
        field("u8", 4).set(&mut bytes, 0xab, Overflow::Fail),
        Some(0x12)
    );
    assert_eq!(bytes, [0x1a, 0xb2]);
    assert_eq!(field("u4", 0).set(&mut bytes, 16, Overflow::Fail), None);
    assert_eq!(bytes, [0x1a, 0xb2]);
    assert_eq!(field("u4", 0).set(&mut bytes, 16, Overflow::Wrap), Some(1));
    assert_eq!(bytes, [0x0a, 0xb2]);
    assert_eq!(
        field("i4", 0).set(&mut bytes, -9, Overflow::Saturate),
        Some(0)
    );
    assert_eq!(bytes, [0x8a, 0xb2]);
}

/// Redis compares in wrapping 64-bit integers, so some negative values count as too great; this is
/// what redis-server 7.0.15 stored.
#[test]
fn setting_very_negative_values_saturates_upwards_as_in_redis() {
    let saturated = |name, value| {
        let mut bytes = [0; 9];
        let target = field(name, 0);
        target.set(&mut bytes, value, Overflow::Saturate);
        target.get(&bytes)
    };
    assert_eq!(saturated("i8", -9_223_372_036_854_775_680), -128);
    assert_eq!(saturated("i8", -9_223_372_036_854_775_681), 127);
    assert_eq!(saturated("u8", -1), 255);
    assert_eq!(saturated("i64", i64::MIN), i64::MIN);
}

/// Goal: no field touches a bit outside itself, and reads what was written. Method: random fields
/// and values, against a string of single bits.
#[test]
fn fields_agree_with_single_bits() {
    let mut random = fastrand::Rng::with_seed(8);
    let mut bytes = [0; 20];
    let mut bits = [false; 160];
    for _ in 0..20_000 {
        let is_signed = random.bool();
        let width = random.u32(1..=if is_signed { 64 } else { 63 });
        let target = Field {
            field_type: FieldType {
                is_signed,
                bits: width,
            },
            offset: random.u64(0..=160 - u64::from(width)),
        };
        let value = random.i64(..);
        target.set(&mut bytes, value, Overflow::Wrap);
        for index in 0..width {
            let position = target.offset as usize + (width - 1 - index) as usize;
            bits[position] = value >> index & 1 == 1;
        }
        let kept = value << (64 - width);
        let expected = if is_signed {
            kept >> (64 - width)
        } else {
            (kept as u64 >> (64 - width)) as i64
        };
        assert_eq!(target.get(&bytes), expected);
        for (position, bit) in bits.iter().enumerate() {
            assert_eq!(bytes[position / 8] >> (7 - position % 8) & 1 == 1, *bit);
        }
    }
}
