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

/// The pattern's first element, which is no star: its length, and whether it takes `byte`.
fn naive_element(pattern: &[u8], byte: u8) -> (usize, bool) {
    match pattern {
        [b'?', ..] => (1, true),
        [b'[', class @ ..] => {
            let (length, set) = class::read(class, false);
            (1 + length, set.contains(byte))
        }
        [b'\\', escaped, ..] => (2, *escaped == byte),
        [plain, ..] => (1, *plain == byte),
        [] => unreachable!("the pattern goes on"),
    }
}

/// The definition, by trying every split at every star; exponential, for short inputs.
fn naive_matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|taken| naive_matches(rest, &text[taken..])),
        (_, []) => false,
        (_, [byte, tail @ ..]) => {
            let (length, is_match) = naive_element(pattern, *byte);
            is_match && naive_matches(&pattern[length..], tail)
        }
    }
}

/// Matches with as little work at a time as there is.
fn matches_in_steps(pattern: &Pattern, text: &[u8]) -> bool {
    let mut matching = Matching::default();
    for _ in 0..100_000 {
        if let Some(is_match) = pattern.go_on(&mut matching, text, &mut 1) {
            return is_match;
        }
    }
    panic!("a match makes no progress");
}

/// Goal: the first place for each part loses no match, and stopping anywhere changes nothing.
/// Method: random patterns and texts over two letters, against the definition.
#[test]
fn stars_match_as_if_every_split_were_tried() {
    const WORDS: [&[u8]; 9] = [
        b"a", b"b", b"*", b"*", b"?", b"[ab]", b"[^b]", b"\\a", b"aab",
    ];
    let mut random = fastrand::Rng::with_seed(6);
    let mut match_count = 0;
    for _ in 0..50_000 {
        let words =
            (0..random.usize(0..8)).map(|_| random.choice(WORDS).expect("there is a choice"));
        let pattern: Vec<u8> = words.collect::<Vec<_>>().concat();
        let text: Vec<u8> = (0..random.usize(1..12))
            .map(|_| *random.choice(b"ab").expect("there is a choice"))
            .collect();
        let is_match = naive_matches(&pattern, &text);
        let shown = (
            String::from_utf8_lossy(&pattern),
            String::from_utf8_lossy(&text),
        );
        let read = Pattern::new(&pattern, false).expect("there are few classes");
        assert_eq!(read.matches(&text), is_match, "{shown:?}");
        assert_eq!(matches_in_steps(&read, &text), is_match, "{shown:?}");
        match_count += usize::from(is_match);
    }
    assert!(match_count > 5_000);
}

/// Goal: Redis's limit of nested stars; method: as KEYS of redis-server 7.0.15 decided.
#[test]
fn more_than_a_thousand_stars_match_nothing() {
    for (count, end, is_match) in [
        (1_000, "", true),
        (1_000, "*", true),
        (1_001, "", false),
        (1_001, "*", false),
        (100_000, "", false),
    ] {
        let pattern = ["*a".repeat(count), end.to_owned()].concat();
        let text = vec![b'a'; count];
        assert_eq!(
            matches(pattern.as_bytes(), &text, false),
            is_match,
            "{count}{end}"
        );
    }
}

/// The work of a match, in units.
fn work_of(pattern: &[u8], text: &[u8]) -> (bool, usize) {
    let pattern = Pattern::new(pattern, false).expect("there are few classes");
    let mut work = usize::MAX;
    let is_match = pattern.go_on(&mut Matching::default(), text, &mut work);
    (is_match.expect("there is work enough"), usize::MAX - work)
}

/// Defect: a match took the product of both lengths. Effect: one SCAN stood still for minutes. Fix:
/// plain bytes are searched in linear time, also among classes.
#[test]
fn plain_bytes_are_found_in_linear_time() {
    let text = vec![b'a'; 1 << 20];
    let run = vec![b'a'; 100_000];
    for pattern in [
        [b"*".as_slice(), &run, b"b"].concat(),
        [b"*".as_slice(), &run, b"b*"].concat(),
        [b"*[ab]".as_slice(), &run, b"b*"].concat(),
        [b"*?".as_slice(), &run, b"b?*"].concat(),
        b"*a".repeat(1_000),
    ] {
        let (_, work) = work_of(&pattern, &text);
        assert!(work < 4 * text.len(), "{work}");
    }
}

/// Goal: a match that does take the product of both lengths can be taken in small steps.
#[test]
fn a_match_stops_when_its_work_is_used_up() {
    let text = vec![b'a'; 3_000];
    let pattern = [b"*".as_slice(), &b"[ab]".repeat(500), b"[bc]*"].concat();
    let pattern = Pattern::new(&pattern, false).expect("there are few classes");
    assert!(!pattern.is_easy());
    let (mut matching, mut steps) = (Matching::default(), 0);
    let is_match = loop {
        let mut work = 1_000;
        steps += 1;
        if let Some(is_match) = pattern.go_on(&mut matching, &text, &mut work) {
            break is_match;
        }
        assert_eq!(work, 0);
    };
    assert!(!is_match);
    assert!(steps > 1_000, "{steps}");
}

#[test]
fn a_pattern_is_easy_unless_it_searches_many_classes() {
    let is_easy = |pattern: &[u8]| Pattern::new(pattern, false).expect("few classes").is_easy();
    assert!(is_easy(&[b"*".as_slice(), &[b'a'; 10_000]].concat()));
    assert!(
        is_easy(&b"[ab]".repeat(10_000)),
        "there is nothing to search"
    );
    assert!(is_easy(b"*:????????-????-[0-9]*"));
    assert!(!is_easy(&[b"*".as_slice(), &[b'?'; 129]].concat()));
}

/// Goal: what a pattern keeps is bounded by its length. Method: as many different classes as there
/// may be, and one more.
#[test]
fn different_classes_are_bounded() {
    let classes = |count: usize| -> Vec<u8> {
        let pairs = (0..=255_u8).flat_map(|first| (0..first).map(move |second| (first, second)));
        let sets =
            pairs.filter(|(first, second)| !b"\\]^-".contains(first) && !b"\\]^-".contains(second));
        let sets = sets.flat_map(|(first, second)| {
            [
                [b'[', first, second, b']'].to_vec(),
                [b'[', b'^', first, second, b']'].to_vec(),
            ]
        });
        sets.take(count).flatten().collect()
    };
    assert!(Pattern::new(&classes(CLASSES_MAX), false).is_ok());
    assert!(Pattern::new(&classes(CLASSES_MAX + 1), false).is_err());
    assert!(Pattern::new(&b"[ab]".repeat(2 * CLASSES_MAX), false).is_ok());
}
