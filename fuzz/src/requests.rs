//! Requests made from choices: mostly what the command table declares, sometimes anything.
//!
//! A command is drawn from the table, its arguments from its declared syntax: words outside of
//! brackets always, those inside if the next byte says so. A new command is therefore fuzzed
//! without a change here. Few keys and few numbers, so that commands meet each other's data.
//!
//! Not here: running the requests (`commands.rs`, `node.rs`).

use crate::source::Source;
use evenkeel::base::command_id::CommandId;
use evenkeel::command::declare::table::table;
use std::sync::LazyLock;

/// One request: its name and arguments.
pub(crate) type Request = Vec<Vec<u8>>;

const KEYS: [&[u8]; 8] = [
    b"a",
    b"b",
    b"c",
    b"d",
    b"{e}",
    b"",
    b"f\r\n\x00\xff",
    &[b'k'; 300],
];

/// Edges of ranges, and numbers that mean something to some command.
const NUMBERS: [&[u8]; 40] = [
    b"0",
    b"1",
    b"-1",
    b"2",
    b"3",
    b"7",
    b"8",
    b"9",
    b"10",
    b"16",
    b"63",
    b"64",
    b"65",
    b"100",
    b"127",
    b"255",
    b"256",
    b"1000",
    b"4096",
    b"10000",
    b"65536",
    b"-2",
    b"-8",
    b"-100",
    b"1.5",
    b"-0.1",
    b"3e2",
    b"inf",
    b"nan",
    b"1700000000",
    b"1700000000000",
    b"1700000001000",
    b"2147483648",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775",
    b"9223372036854774",
    b"18446744073709551615",
];

const WORDS: [&[u8]; 24] = [
    b"u8",
    b"i8",
    b"u1",
    b"i64",
    b"u63",
    b"u64",
    b"#0",
    b"#1",
    b"#100",
    b"*",
    b"a*",
    b"[a-c]",
    b"string",
    b"default",
    b"hello",
    b"all",
    b"everything",
    b"timeout",
    b"requirepass",
    b"maxclients",
    b"normal",
    b"id",
    b"user",
    b"-",
];

/// Every token of every syntax.
static TOKENS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let syntaxes = table().all().map(|number| table().spec(number).syntax);
    let mut tokens: Vec<&str> = syntaxes
        .flat_map(str::split_ascii_whitespace)
        .map(|word| word.trim_matches(['[', ']', '<', '>']))
        .filter(|word| is_token(word))
        .collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
});

fn is_token(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

/// The next request.
pub(crate) fn request(source: &mut Source<'_>) -> Request {
    let number = source.below(table().len() + 8);
    if number >= table().len() {
        let count = 1 + source.below(8);
        return (0..count).map(|_| anything(source)).collect();
    }
    let number = CommandId::new(number);
    let names = table().full_name(number).split('|');
    let mut request: Request = names.map(|name| name.as_bytes().to_vec()).collect();
    let syntax = table().spec(number).syntax;
    let rounds = if syntax.contains("...") { 2 } else { 1 };
    let mut depth = 0;
    for round in 0..rounds {
        for word in syntax.split_ascii_whitespace() {
            depth += word.matches(['[', '<']).count();
            let closing = word.matches([']', '>']).count();
            let word = word.trim_matches(['[', ']', '<', '>']);
            let is_wanted = (depth == 0 && round == 0) || source.byte() & 1 == 1;
            if is_wanted && !matches!(word, "|" | "..." | "") {
                request.push(argument(word, source));
            }
            depth = depth.saturating_sub(closing);
        }
    }
    request
}

/// What may stand where a syntax has `word`.
fn argument(word: &str, source: &mut Source<'_>) -> Vec<u8> {
    if is_token(word) {
        return word.as_bytes().to_vec();
    }
    let is_key = word.ends_with("key") || matches!(word, "source" | "destination");
    match source.byte() {
        0..=15 => anything(source),
        choice if is_key => KEYS[usize::from(choice) % KEYS.len()].to_vec(),
        16..=31 => source.bytes(255).to_vec(),
        32..=47 => WORDS[source.below(WORDS.len())].to_vec(),
        choice => NUMBERS[usize::from(choice) % NUMBERS.len()].to_vec(),
    }
}

fn anything(source: &mut Source<'_>) -> Vec<u8> {
    match source.below(6) {
        0 => source.one_of(&KEYS).to_vec(),
        1 => source.one_of(&NUMBERS).to_vec(),
        2 => source.one_of(&WORDS).to_vec(),
        3 => source.one_of(&TOKENS).as_bytes().to_vec(),
        4 => {
            let number = CommandId::new(source.below(table().len()));
            table().spec(number).name.as_bytes().to_vec()
        }
        _ => source.bytes(40).to_vec(),
    }
}

/// Whether a request is this command or, with two words, this subcommand.
pub(crate) fn is_command(request: &Request, words: &[&str]) -> bool {
    request.len() >= words.len()
        && (request.iter().zip(words)).all(|(arg, word)| arg.eq_ignore_ascii_case(word.as_bytes()))
}
