//! Collections of the loads: what they hold, and the pipelines of variadic commands that fill them.
//!
//! ```text
//! hash        HSET  KEY  fld:000000000000 abcdefgh …
//! set         SADD  KEY  fld:000000000000 …             or integers below 2^40
//! sorted set  ZADD  KEY  7 fld:000000000000 …           integer scores, random or rising
//! list        RPUSH KEY  fld:000000000000 …
//! ```
//!
//! 1. Names have fixed digits; redis-benchmark writes twelve for `__rand_int__`.
//! 2. Scores that rise with the members are what suits redis-server best: neighbours of its list
//!    are neighbours in memory. Random ones are shuffled with a fixed seed, the same for both
//!    servers and every run.
//!
//! Cost: 8 bytes an element of one sorted set. Not here: keys with strings (`fill.rs`).

use std::io::{self, Write as _};
use std::ops::Range;

use crate::known_commands::require;
use crate::resp_client::{Client, encode, pipeline};

/// The most elements of one command.
const COMMAND_ELEMENTS: u64 = 100;
/// Elements of one pipeline.
const PIPELINE_ELEMENTS: u64 = 1000;
/// Value of every field of a hash.
pub(crate) const FIELD_VALUE: &[u8] = b"abcdefgh";
/// Scores reach at least about this far, so that most need two bytes where sets are small.
const SCORES_SPREAD: u64 = 4096;
/// The bits of the members of a set of integers.
const INTEGER_BITS: u32 = 40;

/// A type of collection, and of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Fields of 16 bytes with values of 8.
    Hash,
    /// Members of 16 bytes.
    Set,
    /// Integers below 2^40.
    IntegerSet,
    /// Members of 16 bytes with integer scores in random order.
    SortedSet,
    /// The same with scores that rise as members are added.
    RisingSortedSet,
    /// Elements of 16 bytes.
    List,
}

impl Kind {
    /// The names of keys, as redis-benchmark writes them too.
    pub(crate) fn key(self) -> Name {
        let prefix = match self {
            Kind::Hash => "h:",
            Kind::Set | Kind::IntegerSet => "s:",
            Kind::SortedSet | Kind::RisingSortedSet => "z:",
            Kind::List => "l:",
        };
        Name { prefix, digits: 12 }
    }

    /// The variadic command that adds elements.
    fn adding(self) -> &'static str {
        match self {
            Kind::Hash => "HSET",
            Kind::Set | Kind::IntegerSet => "SADD",
            Kind::SortedSet | Kind::RisingSortedSet => "ZADD",
            Kind::List => "RPUSH",
        }
    }

    /// The command that tells how many elements there are.
    fn counting(self) -> &'static str {
        match self {
            Kind::Hash => "HLEN",
            Kind::Set | Kind::IntegerSet => "SCARD",
            Kind::SortedSet | Kind::RisingSortedSet => "ZCARD",
            Kind::List => "LLEN",
        }
    }
}

/// How a number becomes the name of a key or an element: text and digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    /// Text before the digits.
    pub(crate) prefix: &'static str,
    /// Digits, with zeros in front.
    pub(crate) digits: usize,
}

impl Name {
    /// Replaces `out` by the name of a number.
    pub(crate) fn write(self, out: &mut Vec<u8>, number: u64) {
        out.clear();
        let Name { prefix, digits } = self;
        write!(out, "{prefix}{number:0digits$}").expect("writing to a vector cannot fail");
    }

    /// The name of a number.
    pub(crate) fn of(self, number: u64) -> String {
        let Name { prefix, digits } = self;
        format!("{prefix}{number:0digits$}")
    }
}

/// The elements' names, as redis-benchmark writes them too.
pub(crate) const ELEMENT: Name = Name {
    prefix: "fld:",
    digits: 12,
};

/// A range of collections of one kind and size.
#[derive(Clone, Debug)]
pub(crate) struct Collections {
    /// Their type.
    pub(crate) kind: Kind,
    /// Names of the keys.
    pub(crate) key: Name,
    /// Numbers of the keys.
    pub(crate) keys: Range<u64>,
    /// Names of the elements; a set of integers has none.
    pub(crate) element: Name,
    /// Elements of each.
    pub(crate) elements: u64,
}

impl Collections {
    /// Elements of all of them.
    pub(crate) fn total(&self) -> u64 {
        (self.keys.end - self.keys.start) * self.elements
    }

    /// Sends the commands as [`Collections::send`] does, and compares the size of the last key.
    ///
    /// # Errors
    /// Also where the server does not know the commands, or the size is another.
    pub(crate) fn fill(&self, client: &mut Client) -> io::Result<()> {
        let counting = self.kind.counting();
        require(client, &[self.kind.adding(), counting])?;
        self.send(client)?;
        let last = self.key.of(self.keys.end.saturating_sub(1));
        let counted = client.call_integer(&[counting.as_bytes(), last.as_bytes()])?;
        if u64::try_from(counted) == Ok(self.elements) {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{counting} is {counted} after {} elements",
            self.elements
        )))
    }

    /// Sends the commands in pipelines over one connection.
    pub(crate) fn send(&self, client: &mut Client) -> io::Result<()> {
        let commands_per_key = self.elements.div_ceil(COMMAND_ELEMENTS);
        let commands = self.keys.start * commands_per_key..self.keys.end * commands_per_key;
        let depth = PIPELINE_ELEMENTS / self.elements.clamp(1, COMMAND_ELEMENTS);
        let scores = self.scores();
        let mut key = Vec::new();
        let mut words = Vec::new();
        let clients = std::slice::from_mut(client);
        pipeline(clients, commands, depth, |command, batch| {
            self.key.write(&mut key, command / commands_per_key);
            let first = command % commands_per_key * COMMAND_ELEMENTS;
            let end = self.elements.min(first + COMMAND_ELEMENTS);
            words.clear();
            for element in first..end {
                self.push_element(&mut words, element, &scores);
            }
            let mut arguments: Vec<&[u8]> = vec![self.kind.adding().as_bytes(), &key];
            arguments.extend(words.iter().map(Vec::as_slice));
            encode(batch, &arguments);
        })
    }

    /// The load as one line of a report.
    pub(crate) fn line(&self) -> String {
        let name = self.element.of(0);
        let element = match self.kind {
            Kind::Hash => format!("{name} {}", String::from_utf8_lossy(FIELD_VALUE)),
            Kind::Set | Kind::List => name,
            Kind::IntegerSet => format!("INTEGER BELOW 2^{INTEGER_BITS}"),
            Kind::SortedSet => format!("RANDOM {name}"),
            Kind::RisingSortedSet => format!("RISING {name}"),
        };
        format!(
            "(this program) {} {} [{element} × {}] for {} keys, up to {COMMAND_ELEMENTS} elements a \
             command, {PIPELINE_ELEMENTS} a pipeline",
            self.kind.adding(),
            self.key.of(self.keys.start),
            self.elements,
            self.keys.end - self.keys.start,
        )
    }

    /// The score of each member, the same in all sorted sets.
    fn scores(&self) -> Vec<u64> {
        let step = (SCORES_SPREAD / self.elements.max(1)).max(1);
        let rising = (0..self.elements).map(|number| number * step);
        match self.kind {
            Kind::SortedSet => {
                let mut scores: Vec<u64> = rising.collect();
                fastrand::Rng::with_seed(3).shuffle(&mut scores);
                scores
            }
            Kind::RisingSortedSet => rising.collect(),
            Kind::Hash | Kind::Set | Kind::IntegerSet | Kind::List => Vec::new(),
        }
    }

    /// Appends the arguments that add one element.
    fn push_element(&self, words: &mut Vec<Vec<u8>>, element: u64, scores: &[u64]) {
        let mut name = Vec::new();
        self.element.write(&mut name, element);
        match self.kind {
            Kind::Hash => words.extend([name, FIELD_VALUE.to_vec()]),
            Kind::Set | Kind::List => words.push(name),
            Kind::IntegerSet => words.push(integer(element).to_string().into_bytes()),
            Kind::SortedSet | Kind::RisingSortedSet => {
                let score = scores[element as usize].to_string();
                words.extend([score.into_bytes(), name]);
            }
        }
    }
}

/// A different integer below 2^40 for each number below it: every step can be undone.
fn integer(number: u64) -> u64 {
    let mask = (1 << INTEGER_BITS) - 1;
    let mut mixed = number & mask;
    for factor in [0x9E_3779_B97F, 0xBF_5847_6D1D] {
        mixed ^= mixed >> (INTEGER_BITS / 2);
        mixed = mixed.wrapping_mul(factor) & mask;
    }
    mixed ^ mixed >> (INTEGER_BITS / 2)
}
