//! The notation in which a command declares its arguments, and the tree COMMAND DOCS makes of it.
//!
//! ```text
//! syntax   = { item }
//! item     = value | TOKEN | "<" choice ">" | "[" choice [ "..." ] "]"
//! choice   = items { "|" items }
//! value    = word with lower-case letters only: what stands there is up to the caller
//! TOKEN    = word without lower-case letters: stands there as written
//! ```
//!
//! 1. `<…>` must be given, `[…]` may be; `|` stands only inside of one of them.
//! 2. `[… ...]` may be given again and again. If its items are those before it, as in
//!    `key value [key value ...]`, the two are one argument that must be given at least once.
//! 3. A token takes the values and `<…>` that follow it: `EX seconds`, `TYPE <NORMAL | PUBSUB>`.
//! 4. The type of a value follows from its name (`KINDS_BY_NAME`), the name of a choice from its
//!    alternatives (`CHOICE_NAMES`).
//!
//! Cost: linear in the text but for repetitions, which are compared with what stands before them;
//! recursion as deep as the brackets. Only for texts of this program: a fault in one is found by
//! the test that parses all of them.
//!
//! Not here: how the tree is replied (`introspection/docs.rs`).

use std::fmt;

/// What an argument is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::command) enum Kind {
    /// The name of a key.
    Key,
    /// Any bytes.
    String,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Double,
    /// A pattern as KEYS takes it.
    Pattern,
    /// A point in time, counted from 1970.
    UnixTime,
    /// A word that stands there as written.
    PureToken,
    /// One of several arguments.
    OneOf(Vec<Argument>),
    /// Several arguments, one after the other.
    Block(Vec<Argument>),
}

impl Kind {
    /// The name in COMMAND DOCS.
    pub(in crate::command) const fn name(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf(_) => "oneof",
            Self::Block(_) => "block",
        }
    }

    /// The arguments it consists of.
    pub(in crate::command) fn parts(&self) -> &[Argument] {
        match self {
            Self::OneOf(parts) | Self::Block(parts) => parts,
            Self::Key
            | Self::String
            | Self::Integer
            | Self::Double
            | Self::Pattern
            | Self::UnixTime
            | Self::PureToken => &[],
        }
    }

    fn of_value(name: &str) -> Self {
        let (stem, suffix) = name.split_once('-').unwrap_or((name, ""));
        if name.starts_with("unix-time") {
            return Self::UnixTime;
        }
        let by_name = |wanted: &str| {
            let row = KINDS_BY_NAME
                .iter()
                .find(|(names, _)| names.contains(&wanted));
            row.map(|(_, kind)| kind.clone())
        };
        by_name(name)
            .or_else(|| by_name(suffix.rsplit('-').next().unwrap_or_default()))
            .or_else(|| (stem == "float").then_some(Self::Double))
            .unwrap_or(Self::String)
    }
}

/// The type of a value by its name, or by the last part of a hyphenated name. Others are strings,
/// but for `unix-time-…`, and for `float-…` where another type is not named here.
const KINDS_BY_NAME: [(&[&str], Kind); 4] = [
    (
        &[
            "key",
            "newkey",
            "destkey",
            "source",
            "destination",
            "dst",
            "src",
        ],
        Kind::Key,
    ),
    (&["pattern"], Kind::Pattern),
    (&["score"], Kind::Double),
    (
        &[
            "bit",
            "bytes",
            "count",
            "cursor",
            "db",
            "decrement",
            "end",
            "id",
            "increment",
            "index",
            "index1",
            "index2",
            "len",
            "limit",
            "matches",
            "milliseconds",
            "microseconds",
            "numkeys",
            "numreplicas",
            "offset",
            "port",
            "protover",
            "rank",
            "samples",
            "seconds",
            "start",
            "stop",
            "timeout",
            "weight",
        ],
        Kind::Integer,
    ),
];

/// The name of a choice that has an alternative of a certain name. The names of the alternatives
/// joined by `_` are the name of any other.
const CHOICE_NAMES: [(&str, &str); 11] = [
    ("left", "where"),
    ("before", "where"),
    ("milliseconds", "expiration"),
    ("nx", "condition"),
    ("byte", "unit"),
    ("async", "flush-type"),
    ("wrap", "overflow"),
    ("gt", "comparison"),
    ("byscore", "sortby"),
    ("sum", "aggregate"),
    ("min", "where"),
];

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::command) struct Argument {
    /// What people call it.
    pub(in crate::command) name: String,
    /// What it is, with the arguments it consists of.
    pub(in crate::command) kind: Kind,
    /// The word it begins with.
    pub(in crate::command) token: Option<String>,
    /// Whether it may be left out.
    pub(in crate::command) is_optional: bool,
    /// Whether it may be repeated.
    pub(in crate::command) is_multiple: bool,
    /// Whether its token is repeated with it.
    pub(in crate::command) repeats_token: bool,
}

impl Argument {
    fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            token: None,
            is_optional: false,
            is_multiple: false,
            repeats_token: false,
        }
    }

    fn pure_token(token: &str) -> Self {
        Self {
            token: Some(token.to_string()),
            ..Self::new(token.to_lowercase(), Kind::PureToken)
        }
    }

    fn one_of(alternatives: Vec<Self>) -> Self {
        let known = CHOICE_NAMES
            .iter()
            .find(|(member, _)| alternatives.iter().any(|argument| argument.name == *member));
        let name = match known {
            Some((_, name)) => (*name).to_string(),
            None => joined_names(alternatives.iter()),
        };
        Self::new(name, Kind::OneOf(alternatives))
    }

    fn block(parts: Vec<Self>) -> Self {
        let name = joined_names(parts.iter().filter(|part| !part.is_optional));
        Self::new(name, Kind::Block(parts))
    }
}

fn joined_names<'a>(arguments: impl Iterator<Item = &'a Argument>) -> String {
    let names: Vec<&str> = arguments.map(|argument| argument.name.as_str()).collect();
    names.join("_")
}

/// A fault in the notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::command) enum SyntaxError {
    /// This may not stand there.
    Unexpected(String),
    /// A bracket is not closed.
    Unclosed,
    /// Nothing stands where items have to.
    Empty,
    /// A word has letters of both cases.
    MixedCase(String),
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected(word) => write!(formatter, "unexpected '{word}'"),
            Self::Unclosed => formatter.write_str("a bracket is not closed"),
            Self::Empty => formatter.write_str("an alternative or bracket is empty"),
            Self::MixedCase(word) => write!(formatter, "'{word}' is neither token nor value"),
        }
    }
}

impl std::error::Error for SyntaxError {}

/// The arguments that a syntax declares.
///
/// # Errors
/// What is wrong with the notation.
pub(in crate::command) fn parse(syntax: &str) -> Result<Vec<Argument>, SyntaxError> {
    let mut parser = Parser {
        words: split(syntax),
        next: 0,
    };
    let items = parser.items()?;
    match parser.peek() {
        Some(word) => Err(SyntaxError::Unexpected(word.to_string())),
        None => Ok(arguments_of(&items)),
    }
}

/// The text as written, before tokens and repetitions are put together with what they belong to.
#[derive(Debug, PartialEq, Eq)]
enum Item<'s> {
    Value(&'s str),
    Token(&'s str),
    Required(Vec<Vec<Item<'s>>>),
    Optional {
        choice: Vec<Vec<Item<'s>>>,
        is_repeated: bool,
    },
}

fn is_bracket(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b'<' | b'>')
}

/// The words of a syntax; a bracket is a word of its own.
fn split(syntax: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for mut rest in syntax.split_ascii_whitespace() {
        while !rest.is_empty() {
            let end = match rest.bytes().position(is_bracket) {
                Some(0) => 1,
                Some(end) => end,
                None => rest.len(),
            };
            let (word, tail) = rest.split_at(end);
            words.push(word);
            rest = tail;
        }
    }
    words
}

struct Parser<'s> {
    words: Vec<&'s str>,
    next: usize,
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Option<&'s str> {
        self.words.get(self.next).copied()
    }

    /// Takes the next word if it is this one.
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    /// Items up to a word that ends them, which is left.
    fn items(&mut self) -> Result<Vec<Item<'s>>, SyntaxError> {
        let mut items = Vec::new();
        while let Some(word) = self.peek() {
            if matches!(word, "]" | ">" | "|" | "...") {
                break;
            }
            self.next += 1;
            items.push(match word {
                "[" => self.optional()?,
                "<" => self.required()?,
                _ => classify(word)?,
            });
        }
        Ok(items)
    }

    fn choice(&mut self) -> Result<Vec<Vec<Item<'s>>>, SyntaxError> {
        let mut alternatives = Vec::new();
        loop {
            let items = self.items()?;
            if items.is_empty() {
                return Err(SyntaxError::Empty);
            }
            alternatives.push(items);
            if !self.take("|") {
                return Ok(alternatives);
            }
        }
    }

    fn optional(&mut self) -> Result<Item<'s>, SyntaxError> {
        let choice = self.choice()?;
        let is_repeated = self.take("...");
        self.close("]")?;
        Ok(Item::Optional {
            choice,
            is_repeated,
        })
    }

    fn required(&mut self) -> Result<Item<'s>, SyntaxError> {
        let choice = self.choice()?;
        self.close(">")?;
        Ok(Item::Required(choice))
    }

    fn close(&mut self, bracket: &str) -> Result<(), SyntaxError> {
        match self.peek() {
            Some(word) if word == bracket => {
                self.next += 1;
                Ok(())
            }
            Some(word) => Err(SyntaxError::Unexpected(word.to_string())),
            None => Err(SyntaxError::Unclosed),
        }
    }
}

fn classify(word: &str) -> Result<Item<'_>, SyntaxError> {
    let has_lower_case = word.bytes().any(|byte| byte.is_ascii_lowercase());
    let has_upper_case = word.bytes().any(|byte| byte.is_ascii_uppercase());
    match (has_lower_case, has_upper_case) {
        (true, true) => Err(SyntaxError::MixedCase(word.to_string())),
        (true, false) => Ok(Item::Value(word)),
        (false, _) => Ok(Item::Token(word)),
    }
}

/// How many items from `start` on are repeated by the bracket behind them.
fn repeated_count(items: &[Item<'_>], start: usize) -> Option<usize> {
    (start + 1..items.len()).find_map(|at| match &items[at] {
        Item::Optional {
            choice,
            is_repeated: true,
        } if choice.len() == 1 && choice[0][..] == items[start..at] => Some(at - start),
        _ => None,
    })
}

fn arguments_of(items: &[Item<'_>]) -> Vec<Argument> {
    let mut arguments = Vec::new();
    let mut at = 0;
    while at < items.len() {
        if let Some(count) = repeated_count(items, at) {
            let mut argument = argument_of(&items[at..at + count]);
            argument.is_multiple = true;
            argument.repeats_token = matches!(items[at], Item::Token(_));
            arguments.push(argument);
            at += count + 1;
            continue;
        }
        let (argument, taken) = match &items[at] {
            Item::Value(name) => (Argument::new(*name, Kind::of_value(name)), 1),
            Item::Token(token) => with_token(token, &items[at + 1..]),
            Item::Required(choice) => (argument_of_choice(choice), 1),
            Item::Optional {
                choice,
                is_repeated,
            } => (optional(choice, *is_repeated), 1),
        };
        arguments.push(argument);
        at += taken;
    }
    arguments
}

/// The argument that a token and some of the items behind it make, and how many items those are,
/// the token included.
fn with_token(token: &str, rest: &[Item<'_>]) -> (Argument, usize) {
    if let Some(count) = repeated_count(rest, 0) {
        let mut argument = argument_of(&rest[..count]);
        argument.token = Some(token.to_string());
        argument.is_multiple = true;
        return (argument, count + 2);
    }
    let is_operand = |&at: &usize| {
        matches!(rest[at], Item::Value(_) | Item::Required(_)) && repeated_count(rest, at).is_none()
    };
    let count = (0..rest.len()).take_while(is_operand).count();
    if count == 0 {
        return (Argument::pure_token(token), 1);
    }
    let mut argument = argument_of(&rest[..count]);
    argument.token = Some(token.to_string());
    (argument, count + 1)
}

fn optional(choice: &[Vec<Item<'_>>], is_repeated: bool) -> Argument {
    let mut argument = argument_of_choice(choice);
    argument.is_optional = true;
    if is_repeated {
        argument.is_multiple = true;
        argument.repeats_token = argument.token.is_some();
    }
    argument
}

fn argument_of_choice(choice: &[Vec<Item<'_>>]) -> Argument {
    match choice {
        [items] => argument_of(items),
        _ => Argument::one_of(choice.iter().map(|items| argument_of(items)).collect()),
    }
}

/// The one argument that items make: a block, if they are several.
fn argument_of(items: &[Item<'_>]) -> Argument {
    let mut arguments = arguments_of(items);
    match arguments.pop() {
        Some(only) if arguments.is_empty() => only,
        last => {
            arguments.extend(last);
            Argument::block(arguments)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::declare::table::table;

    /// An argument on one line: `name:type token ?optional +multiple *multiple-token (parts)`.
    fn line(argument: &Argument) -> String {
        let mut text = format!("{}:{}", argument.name, argument.kind.name());
        if let Some(token) = &argument.token {
            text = format!("{token} {text}");
        }
        for (is_set, mark) in [
            (argument.is_optional, '?'),
            (argument.is_multiple, '+'),
            (argument.repeats_token, '*'),
        ] {
            if is_set {
                text.push(mark);
            }
        }
        let parts = argument.kind.parts();
        if parts.is_empty() {
            text
        } else {
            format!("{text}({})", lines(parts))
        }
    }

    fn lines(arguments: &[Argument]) -> String {
        arguments.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    fn parsed(syntax: &str) -> String {
        lines(&parse(syntax).unwrap())
    }

    #[test]
    fn every_command_declares_a_syntax_that_can_be_parsed() {
        for number in table().all() {
            let (spec, name) = (table().spec(number), table().full_name(number));
            let arguments = parse(spec.syntax).unwrap_or_else(|error| panic!("{name}: {error}"));
            let names = usize::from(name.contains('|')) + 1;
            if spec.subcommands().is_empty() {
                let wanted = usize::from(spec.arity.unsigned_abs());
                let least = names + arguments.iter().map(fewest_words).sum::<usize>();
                assert!(
                    least == wanted,
                    "{name}: {least} words by syntax, arity {wanted}"
                );
                let is_open = arguments.iter().any(is_variable);
                assert!(
                    !is_open || spec.arity < 0,
                    "{name}: fixed number of words by arity"
                );
            }
        }
    }

    /// The fewest words that an argument takes.
    fn fewest_words(argument: &Argument) -> usize {
        if argument.is_optional {
            return 0;
        }
        let parts = argument.kind.parts().iter().map(fewest_words);
        let token = usize::from(argument.token.is_some());
        match argument.kind {
            Kind::PureToken => 1,
            // One of the options of an alternative that has nothing else has to be given.
            Kind::OneOf(_) => token + parts.min().unwrap_or(0).max(1),
            Kind::Block(_) => token + parts.sum::<usize>(),
            _ => token + 1,
        }
    }

    fn is_variable(argument: &Argument) -> bool {
        argument.is_optional
            || argument.is_multiple
            || argument.kind.parts().iter().any(is_variable)
    }

    #[test]
    fn values_have_the_type_that_their_name_says() {
        assert_eq!(
            parsed("key newkey value seconds float-increment min-match-len destination-db pattern"),
            "key:key, newkey:key, value:string, seconds:integer, float-increment:integer, \
             min-match-len:integer, destination-db:integer, pattern:pattern"
        );
        assert_eq!(
            parsed("unix-time-milliseconds"),
            "unix-time-milliseconds:unix-time"
        );
        assert_eq!(parsed("ip:port"), "ip:port:string");
        assert_eq!(parsed(""), "");
    }

    #[test]
    fn options_are_those_redis_lists_for_set() {
        assert_eq!(
            parsed(
                "key value [NX | XX] [GET] [EX seconds | PXAT unix-time-milliseconds | KEEPTTL]"
            ),
            "key:key, value:string, \
             condition:oneof?(NX nx:pure-token, XX xx:pure-token), \
             GET get:pure-token?, \
             seconds_unix-time-milliseconds_keepttl:oneof?(EX seconds:integer, \
             PXAT unix-time-milliseconds:unix-time, KEEPTTL keepttl:pure-token)"
        );
        assert_eq!(
            parsed("[EX seconds | PX milliseconds]").split('(').next(),
            Some("expiration:oneof?")
        );
    }

    #[test]
    fn a_repetition_joins_what_it_repeats() {
        assert_eq!(parsed("key [key ...]"), "key:key+");
        assert_eq!(
            parsed("numkeys key value [key value ...] [NX]"),
            "numkeys:integer, key_value:block+(key:key, value:string), NX nx:pure-token?"
        );
        assert_eq!(
            parsed("[command-name [command-name ...]]"),
            "command-name:string?+"
        );
        assert_eq!(parsed("[section ...]"), "section:string?+");
        assert_eq!(parsed("BY key [key ...]"), "BY key:key+");
        assert_eq!(parsed("[BY key ...]"), "BY key:key?+*");
        assert_eq!(
            parsed("key [GET encoding offset [GET encoding offset ...]]"),
            "key:key, GET encoding_offset:block?+*(encoding:string, offset:integer)"
        );
        assert_eq!(
            parsed("TO destkey key [key ...]"),
            "TO destkey:key, key:key+"
        );
    }

    #[test]
    fn brackets_nest() {
        assert_eq!(
            parsed("[start end [BYTE | BIT]]"),
            "start_end:block?(start:integer, end:integer, \
             unit:oneof?(BYTE byte:pure-token, BIT bit:pure-token))"
        );
        assert_eq!(
            parsed("[FILTERBY <MODULE module-name | PATTERN pattern>]"),
            "FILTERBY module-name_pattern:oneof?(MODULE module-name:string, PATTERN pattern:pattern)"
        );
        assert_eq!(
            parsed("<AND | OR> destkey key [key ...]"),
            "and_or:oneof(AND and:pure-token, OR or:pure-token), destkey:key, key:key+"
        );
        assert_eq!(
            parsed("[GET encoding | [OVERFLOW <WRAP | SAT>] <SET value | INCRBY increment> ...]"),
            "encoding_value_increment:oneof?+(GET encoding:string, \
             value_increment:block(OVERFLOW overflow:oneof?(WRAP wrap:pure-token, \
             SAT sat:pure-token), value_increment:oneof(SET value:string, \
             INCRBY increment:integer)))"
        );
    }

    #[test]
    fn faults_are_named() {
        let unexpected = |word: &str| Err(SyntaxError::Unexpected(word.to_string()));
        assert_eq!(parse("A | B"), unexpected("|"));
        assert_eq!(parse("key ..."), unexpected("..."));
        assert_eq!(parse("key]"), unexpected("]"));
        assert_eq!(parse("[key>"), unexpected(">"));
        assert_eq!(parse("<key ...>"), unexpected("..."));
        assert_eq!(parse("[key"), Err(SyntaxError::Unclosed));
        assert_eq!(parse("[]"), Err(SyntaxError::Empty));
        assert_eq!(parse("[A | ]"), Err(SyntaxError::Empty));
        assert_eq!(parse("Key"), Err(SyntaxError::MixedCase("Key".to_string())));
    }
}
