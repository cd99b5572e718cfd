//! Common subsequences against a naive table.

use super::*;

fn range(left: (usize, usize), right: (usize, usize)) -> CommonRange {
    CommonRange {
        left_start: left.0,
        left_end: left.1,
        right_start: right.0,
        right_end: right.1,
    }
}

#[test]
fn the_example_of_the_redis_manual() {
    let (left, right) = (b"ohmytext", b"mynewtext");
    assert_eq!(length(left, right), 6);
    let found = find(left, right, 0);
    assert_eq!(found.text, b"mytext");
    assert_eq!(found.ranges, [range((4, 7), (5, 8)), range((2, 3), (0, 1))]);
    assert_eq!(find(left, right, 4).ranges, [range((4, 7), (5, 8))]);
    assert_eq!(find(left, right, 5).ranges, []);
    assert_eq!(find(left, right, 5).text, b"mytext");
    assert_eq!(found.ranges[0].length(), 4);
}

#[test]
fn empty_and_disjoint_strings_have_nothing_in_common() {
    let pairs: [(&[u8], &[u8]); 4] = [(b"", b""), (b"", b"a"), (b"a", b""), (b"abc", b"xyz")];
    for (left, right) in pairs {
        assert_eq!(length(left, right), 0);
        assert_eq!(find(left, right, 0), CommonSubsequence::default());
    }
}

/// Which of several longest subsequences is found, as redis-server 7.0.15 answered LCS.
#[test]
fn ties_are_broken_as_in_redis() {
    let recorded: [(&str, &str, &str); 8] = [
        ("abcbdab", "bdcaba", "bdab"),
        ("ab", "ba", "b"),
        ("aab", "aba", "ab"),
        ("xaxbxcx", "cba", "c"),
        ("abab", "baba", "bab"),
        ("aaaa", "aa", "aa"),
        ("abcabc", "cbacba", "cbc"),
        ("kitten", "sitting", "ittn"),
    ];
    for (left, right, text) in recorded {
        let found = find(left.as_bytes(), right.as_bytes(), 0);
        assert_eq!(found.text, text.as_bytes(), "{left} {right}");
    }
}

#[test]
fn the_memory_of_redis_is_calculated_without_overflow() {
    assert_eq!(needs_bytes(0, 0), 4);
    assert_eq!(needs_bytes(8, 9), 9 * 10 * 4);
    assert_eq!(needs_bytes(usize::MAX - 1, usize::MAX - 1), u64::MAX);
}

/// The whole table, cell by cell as defined.
fn naive_length(left: &[u8], right: &[u8]) -> usize {
    let mut table = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (i, left_byte) in left.iter().enumerate() {
        for (j, right_byte) in right.iter().enumerate() {
            table[i + 1][j + 1] = if left_byte == right_byte {
                table[i][j] + 1
            } else {
                table[i][j + 1].max(table[i + 1][j])
            };
        }
    }
    table[left.len()][right.len()]
}

/// Goal: what is found is a common subsequence, the longest, and the ranges spell it. Method:
/// random strings over few letters, against the whole table.
#[test]
fn what_is_found_is_common_and_longest() {
    let mut random = fastrand::Rng::with_seed(9);
    for _ in 0..3_000 {
        let letters = random.u8(1..5);
        let mut string = || -> Vec<u8> {
            (0..random.usize(0..30))
                .map(|_| b'a' + random.u8(0..letters))
                .collect()
        };
        let (left, right) = (string(), string());
        let found = find(&left, &right, 0);
        assert_eq!(found.text.len(), naive_length(&left, &right));
        assert_eq!(found.text.len(), length(&left, &right));
        let spell = |string: &[u8], ends: fn(&CommonRange) -> (usize, usize)| -> Vec<u8> {
            let parts = found.ranges.iter().rev().map(ends);
            parts
                .flat_map(|(start, end)| string[start..=end].to_vec())
                .collect()
        };
        let in_left = spell(&left, |range| (range.left_start, range.left_end));
        let in_right = spell(&right, |range| (range.right_start, range.right_end));
        assert_eq!(in_left, found.text);
        assert_eq!(in_right, found.text);
        for pair in found.ranges.windows(2) {
            assert!(pair[1].left_end < pair[0].left_start);
            assert!(pair[1].right_end < pair[0].right_start);
        }
    }
}
