//! The words that requests are made of: few, so that keys, elements and numbers collide.

#[rustfmt::skip]
pub(super) const KEYS: &[&[u8]] = &[
    b"k0", b"k1", b"k2", b"k3", b"k4", b"n0", b"n1", b"", b"\x00\xff", b"{t}a",
];

#[rustfmt::skip]
pub(super) const VALUES: &[&[u8]] = &[
    b"", b"0", b"1", b"-1", b"10", b"255", b"10000", b"9223372036854775807",
    b"-9223372036854775808", b"9223372036854775808", b"3.0", b"0.1", b"1e5", b"1.5e-3", b" 1",
    b"01", b"-0", b"+1", b"inf", b"nan", b"abc", b"foobar", b"\x00\xff\x80", b"\xff\xff\xff\xff",
    b"a\r\nb", b"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee",
    b"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee",
];

/// Elements, fields and members of small rounds. Two are longer than what Redis keeps in a small
/// encoding.
#[rustfmt::skip]
pub(super) const MEMBERS: &[&[u8]] = &[
    b"a", b"b", b"c", b"d", b"e", b"f", b"a", b"b", b"c", b"aa", b"ab", b"", b"0", b"1", b"2",
    b"10", b"-5", b"007", b"1.5", b"-0", b"4096", b"70000", b"2147483648",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"\x00\xff\x80",
    b"\x00", b"\xff", b"a\r\nb", b"member of forty-four bytes, as embedded texts", b"k0",
    b"................................................................................100 of these.....x",
    b"................................................................................100 of these.....y",
];

#[rustfmt::skip]
pub(super) const INTEGERS: &[&str] = &[
    "0", "1", "-1", "2", "7", "10", "100", "-100", "1000000", "4611686018427387904",
    "9223372036854775807", "-9223372036854775808", "-9223372036854775807", "9223372036854775808",
    "99999999999999999999", "1.0", "abc", "", "-0", "+1", "01", " 1", "1 ",
];

#[rustfmt::skip]
pub(super) const FLOATS: &[&str] = &[
    "0", "1", "-1", "0.1", "0.2", "-0.3", "1.5", "3.0e3", "1e-7", "1e17", "-1e17", "1e300", "5.",
    ".5", "+1", "abc", "", "nan", "inf", "-inf", " 1", "1 ", "1e", "123456789.123456789",
];

#[rustfmt::skip]
pub(super) const SCORES: &[&str] = &[
    "0", "1", "2", "3", "4", "5", "1", "2", "-1", "-2", "10", "100", "1.5", "2.5", "0.1", "0.2",
    "-0.3", "-0", "+1", "007", "3.0", "1e3", "1e17", "1e-7", "1e300", "-1e300", "inf", "+inf",
    "-inf", "9007199254740993", "0x10", "nan", "abc", "", " 1",
];

#[rustfmt::skip]
pub(super) const SCORE_BOUNDS: &[&str] = &[
    "-inf", "-inf", "+inf", "inf", "0", "1", "2", "3", "5", "(0", "(1", "(2", "2.5", "(2.5",
    "(-1", "-2", "100", "(100", "1e300", "(inf", "(-inf", "0x10", "(3", "4", "(5", "10", "1.5",
    "-1", "0.1", "(0.1", "1", "2", "-inf", "+inf", "(", "abc", "nan",
];

#[rustfmt::skip]
pub(super) const INDEXES: &[&str] = &[
    "0", "1", "-1", "2", "-2", "5", "-5", "7", "8", "44", "100", "-100", "100000",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "abc", "",
];

/// Indexes and counts of elements; few of them wrong.
#[rustfmt::skip]
pub(super) const PLACES: &[&str] = &[
    "0", "0", "0", "1", "-1", "-1", "2", "-2", "3", "-3", "5", "-5", "10", "-10", "100", "-100",
    "100000", "9223372036854775807", "-9223372036854775808", "0", "-1", "1", "9223372036854775808",
    "abc",
];

/// Offsets are small or refused: a large valid one would allocate half a gigabyte.
#[rustfmt::skip]
pub(super) const OFFSETS: &[&str] = &[
    "0", "1", "2", "5", "10", "43", "44", "63", "64", "100", "3000", "-1", "536870912",
    "9223372036854775807", "9223372036854775808", "abc",
];

#[rustfmt::skip]
pub(super) const BIT_OFFSETS: &[&str] = &[
    "0", "1", "6", "7", "8", "9", "15", "31", "63", "64", "100", "1000", "20000", "-1",
    "4294967296", "9223372036854775807", "99999999999999999999", "abc", "",
];

#[rustfmt::skip]
pub(super) const PATTERNS: &[&str] = &[
    "*", "k*", "?0", "[kn]0", "[^k]*", "k[0-2]", "*a", "\\k0", "", "[", "[k", "k0", "z*",
];

pub(super) const NAMES: &[&str] = &["me", "you", "", "a b", "\n"];

/// What an argument may be replaced with. As a span of time each is wrong, past or out of range.
#[rustfmt::skip]
pub(super) const WRONG_WORDS: &[&[u8]] = &[
    b"", b"-1", b"0", b"abc", b"NX", b"GET", b"1.5", b" 1", b"9223372036854775807",
    b"9223372036854775808", b"-9223372036854775808", b"\x00\xff",
];
