//! Extended floats: parsing, sums and printing, against recorded and exact results.

use super::*;

fn sum(left: &str, right: &str) -> Option<String> {
    let left = ExtendedFloat::parse(left.as_bytes()).expect("the left text is a number");
    let right = ExtendedFloat::parse(right.as_bytes()).expect("the right text is a number");
    let text = left.checked_add(right)?.to_text();
    Some(String::from_utf8(text).expect("texts are ASCII"))
}

/// Value, increment and result as redis-server 7.0.15 on x86-64 gave them.
const RECORDED_SUMS: [(&str, &str, &str); 43] = [
    ("10.5", "0.1", "10.6"),
    ("3.0e3", "200", "3200"),
    ("5.0e3", "2.0e2", "5200"),
    ("0.1", "0.2", "0.3"),
    ("1", "-1", "0"),
    ("0.3", "-0.1", "0.2"),
    ("1.1", "2.2", "3.3"),
    ("-0", "-0", "0"),
    ("-0.1", "0.1", "0"),
    ("0", "-4e-18", "0"),
    ("0", "5e-18", "0"),
    ("0", "5.1e-18", "0.00000000000000001"),
    ("0", "-5.1e-18", "-0.00000000000000001"),
    ("0", "0.99999999999999999999", "1"),
    ("0", "0.999999999999999996", "1"),
    ("0", "1.000000000000000004", "1"),
    ("9007199254740993", "0", "9007199254740993"),
    ("18446744073709551615", "1", "18446744073709551616"),
    ("18446744073709551616", "1", "18446744073709551616"),
    ("36893488147419103233", "0", "36893488147419103232"),
    ("36893488147419103235", "0", "36893488147419103236"),
    ("0x1p-17", "0", "0.00000762939453125"),
    ("0x1p-18", "0", "0.00000381469726562"),
    ("0x3p-18", "0", "0.00001144409179688"),
    ("0x1p-60", "1", "1"),
    ("0x1p64", "-0x1p-64", "18446744073709551616"),
    ("0x1p64", "-0x1.8p-1", "18446744073709551615"),
    ("1", "1e-19", "1"),
    ("1", "1e-20", "1"),
    ("1e17", "0.00390625", "100000000000000000"),
    ("1e20", "1e20", "200000000000000000000"),
    (
        "123456789012345678901234567890",
        "0",
        "123456789012345678899921813504",
    ),
    ("-1e25", "1", "-10000000000000000000000000"),
    ("0x10", "0X.8P1", "17"),
    ("0x1.fffffffffffffffep0", "0x1p-64", "2"),
    ("0x1.fffffffffffffffffp0", "0", "2"),
    ("+.5", "5.", "5.5"),
    ("3.6e-4951", "0", "0"),
    ("0x1.8p-16446", "0", "0"),
    (
        "99999999999999999.99999999999999999",
        "0",
        "100000000000000000",
    ),
    (
        "3.14159265358979323846",
        "2.71828182845904523536",
        "5.85987448204883847",
    ),
    ("1e-5", "1e-17", "0.00001000000000001"),
    ("1234567.1234567", "-1234567", "0.12345670000001974"),
];

#[test]
fn sums_have_the_bytes_that_redis_stores() {
    for (left, right, result) in RECORDED_SUMS {
        assert_eq!(
            sum(left, right).as_deref(),
            Some(result),
            "{left} + {right}"
        );
        assert_eq!(
            sum(right, left).as_deref(),
            Some(result),
            "{right} + {left}"
        );
    }
}

#[test]
fn the_greatest_number_is_printed_in_full() {
    let greatest = "1.189731495357231765e4932";
    let text = sum(greatest, "0").expect("the greatest number is finite");
    assert_eq!(text.len(), 4933);
    assert!(text.starts_with("118973149535723176502126385303"));
    assert!(text.ends_with("444156604419552086811989770240"));
    assert_eq!(sum(greatest, "1e4900"), Some(text.clone()));
    assert_eq!(
        sum("-1e4900", &format!("-{greatest}")),
        Some(format!("-{text}"))
    );
    assert_eq!(sum(greatest, "1e4914"), None);
    assert_eq!(sum(greatest, greatest), None);
}

#[test]
fn infinities_are_read_but_never_added() {
    for text in ["inf", "+INF", "-Infinity"] {
        let infinite = ExtendedFloat::parse(text.as_bytes()).expect("infinity is accepted");
        assert!(infinite.is_infinite());
        assert_eq!(sum(text, "1"), None);
        assert_eq!(sum("1", text), None);
    }
    assert_eq!(sum("inf", "-inf"), None);
    let negative = ExtendedFloat::parse(b"-inf").expect("infinity is accepted");
    assert_eq!(negative.to_text(), b"-inf");
    assert!(!ExtendedFloat::parse(b"1e4932").is_some_and(ExtendedFloat::is_infinite));
}

#[test]
fn texts_that_redis_refuses_are_refused() {
    let refused = [
        "",
        " ",
        "+",
        "-",
        ".",
        "-.",
        "e5",
        ".e5",
        "1e",
        "1e+",
        "1e5.",
        "1.2.3",
        "1e5e5",
        "--1",
        "+-1",
        " 1",
        "1 ",
        "1\0",
        "\u{e9}",
        "nan",
        "-nan",
        "nan(1)",
        "infinit",
        "infinityx",
        "in",
        "0x",
        "0x.",
        "0x1p",
        "0x1p+",
        "0x1.2.3",
        "0xg",
        "1_0",
        "1,5",
        "1e5000",
        "-1e5000",
        "1e-5000",
        "1.8e-4951",
        "0x1p-16446",
        "0x1p16384",
        "1e999999999999",
        "1e-999999999999",
        "1e99999999999999999999999",
        "0x1p99999999999999999999",
        "0x1p-99999999999999999999",
        "1.18973149535723176506e4932",
    ];
    for text in refused {
        assert_eq!(ExtendedFloat::parse(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn zero_has_any_exponent() {
    for text in [
        "0",
        "-0",
        "0e-99999",
        "0.000e999999999999999999999",
        "0x0p99999999999",
    ] {
        assert_eq!(sum(text, "0").as_deref(), Some("0"), "{text}");
    }
}

#[test]
fn the_length_limit_is_that_of_redis() {
    let longest = "0".repeat(TEXT_LIMIT_BYTES - 2) + "7";
    assert_eq!(sum(&longest, "0").as_deref(), Some("7"));
    assert_eq!(ExtendedFloat::parse(format!("0{longest}").as_bytes()), None);
    let longest_fraction = format!("0.{}1e5000", "0".repeat(5000));
    assert_eq!(sum(&longest_fraction, "0").as_deref(), Some("0.1"));
    let most_digits = format!("{}e-5100", "9".repeat(5113));
    assert_eq!(sum(&most_digits, "0").as_deref(), Some("10000000000000"));
}

/// Goal: integers are exact. Method: sums that 64 bits hold, against machine integers.
#[test]
fn integers_of_64_bits_are_added_exactly() {
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..5_000 {
        let left = random.i64(..) >> random.u32(0..64);
        let right = random.i64(..) >> random.u32(0..64);
        let expected = (i128::from(left) + i128::from(right)).to_string();
        assert_eq!(sum(&left.to_string(), &right.to_string()), Some(expected));
    }
}

/// Goal: printing what was parsed gives it back. Method: numbers below 64, whose mantissa leaves an
/// error of less than half of the last of 17 decimals.
#[test]
fn decimals_survive_parsing_and_printing() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..5_000 {
        let (whole, decimals) = (random.u64(0..64), random.usize(1..=PRINTED_DECIMALS));
        let fraction = random.u64(0..10u64.pow(decimals as u32));
        let text = format!("-{whole}.{fraction:0decimals$}");
        let expected = text.trim_end_matches('0').trim_end_matches('.');
        let expected = if whole == 0 && fraction == 0 {
            "0"
        } else {
            expected
        };
        assert_eq!(sum(&text, "0").as_deref(), Some(expected));
    }
}
