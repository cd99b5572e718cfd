//! Patterns: recorded decisions of a Redis server, and the bounds of the work.

use super::*;

/// Pattern, text and whether they match, as KEYS of redis-server 7.0.15 on x86-64 decided.
const RECORDED: [(&[u8], &[u8], bool); 51] = [
    (b"", b"", true),
    (b"**", b"", false),
    (b"?", b"", false),
    (b"a**", b"a", true),
    (b"a*?", b"a", false),
    (b"[", b"[", false),
    (b"[", b"a", false),
    (b"[^", b"a", true),
    (b"[^", b"ab", false),
    (b"[^a", b"b", true),
    (b"[^a", b"a", false),
    (b"[a", b"a", true),
    (b"[ab", b"b", true),
    (b"[]", b"]", false),
    (b"[]a]", b"a", false),
    (b"[^]", b"a", true),
    (b"[^]a]", b"ba]", true),
    (b"[a-]", b"-", false),
    (b"[a-]", b"^", true),
    (b"[a-]", b"a", true),
    (b"[z-a]", b"m", true),
    (b"[a-", b"-", true),
    (b"[-a]", b"-", true),
    (b"[\\]]", b"]", true),
    (b"[\\", b"\\", true),
    (b"[\\]", b"]", true),
    (b"[a\\-z]", b"m", false),
    (b"[a\\-z]", b"-", true),
    (b"[\\a-z]", b"m", false),
    (b"[\\a-z]", b"-", true),
    (b"\\", b"\\", true),
    (b"a\\", b"a\\", true),
    (b"\\*", b"*", true),
    (b"\\*", b"a", false),
    (b"\\\\", b"\\", true),
    (b"*\\", b"x\\", true),
    (b"[^^]", b"^", false),
    (b"[a^]", b"^", true),
    (b"[?*]", b"*", true),
    (b"h*llo*", b"heeello", true),
    (b"*a*b*c", b"abcabcc", true),
    (b"*a*b*c", b"abcab", false),
    (b"[\x80-a]", b"\xff", true),
    (b"[\x80-a]", b"a", true),
    (b"[a-\xff]", b"\x00", true),
    (b"[a-\xff]", b"z", false),
    (b"[\x7f-\x80]", b"A", true),
    (b"?", b"\xc3\xa9", false),
    (b"??", b"\xc3\xa9", true),
    (b"A", b"a", false),
    (b"[A-C]", b"b", false),
];

#[test]
fn odd_patterns_match_as_in_redis() {
    for (pattern, text, is_match) in RECORDED {
        let shown = String::from_utf8_lossy(pattern);
        assert_eq!(matches(pattern, text, false), is_match, "{shown:?}");
    }
}

#[test]
fn case_is_ignored_as_in_redis() {
    // As CONFIG GET of redis-server 7.0.15 decided for the parameter maxmemory.
    let recorded: [(&[u8], bool); 10] = [
        (b"maxmemor[Y]", true),
        (b"maxmemor[\\Y]", false),
        (b"maxmemor[^\\Y]", true),
        (b"maxmemor[Z-a]", false),
        (b"maxmemor[X-Z]", true),
        (b"maxmemor[Z-X]", true),
        (b"maxmemor[x-Z]", false),
        (b"maxmemor\\Y*", true),
        (b"*MEMOR[^Y]", false),
        (b"*MEMOR[^Y]*", false),
    ];
    for (pattern, is_match) in recorded {
        let shown = String::from_utf8_lossy(pattern);
        assert_eq!(matches(pattern, b"maxmemory", true), is_match, "{shown:?}");
    }
    assert!(matches(b"M?X*", b"maxmemory", true));
    assert!(!matches(b"M?X*", b"maxmemory", false));
}

#[test]
fn the_literal_prefix_ends_at_the_first_special_byte() {
    assert_eq!(literal_prefix(b"user:*"), b"user:");
    assert_eq!(literal_prefix(b"a?*"), b"a");
    assert_eq!(literal_prefix(b"ab[c]"), b"ab");
    assert_eq!(literal_prefix(b"a\\*"), b"a");
    assert_eq!(literal_prefix(b"whole]^-"), b"whole]^-");
    assert_eq!(literal_prefix(b"*"), b"");
}

/// The definition, by trying every split at every star; exponential, for short inputs.
fn naive_matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|taken| naive_matches(rest, &text[taken..])),
        (_, []) => false,
        ([b'?', rest @ ..], [_, tail @ ..]) => naive_matches(rest, tail),
        ([literal, rest @ ..], [byte, tail @ ..]) => literal == byte && naive_matches(rest, tail),
    }
}

/// Goal: remembering only the last star loses no match. Method: random patterns and texts over two
/// letters, against the definition.
#[test]
fn stars_match_as_if_every_split_were_tried() {
    let mut random = fastrand::Rng::with_seed(6);
    let mut match_count = 0;
    for _ in 0..50_000 {
        let pattern: Vec<u8> = (0..random.usize(0..8))
            .map(|_| *random.choice(b"ab*?").expect("there is a choice"))
            .collect();
        let text: Vec<u8> = (0..random.usize(1..10))
            .map(|_| *random.choice(b"ab").expect("there is a choice"))
            .collect();
        let is_match = matches(&pattern, &text, false);
        assert_eq!(is_match, naive_matches(&pattern, &text));
        assert!(!is_match || text.starts_with(literal_prefix(&pattern)));
        match_count += usize::from(is_match);
    }
    assert!(match_count > 5_000);
}

/// Goal: hostile patterns take no exponential time. Method: many stars over a long text that fails
/// at its end; trying every split would never finish.
#[test]
fn many_stars_do_not_blow_up() {
    let text = vec![b'a'; 20_000];
    let mut pattern = b"a*".repeat(200);
    pattern.push(b'b');
    assert!(!matches(&pattern, &text, false));
    let unclosed = [b"*".as_slice(), &[b'['; 2_000]].concat();
    assert!(!matches(&unclosed, &text, false));
}
