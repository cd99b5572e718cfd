//! Random requests over small alphabets, so that keys, values and options collide.
//!
//! ```text
//! template  "SET $key $value $setoptions"   weight in front; `$class` becomes words
//!           "MSET $key&value+"              a group of classes, one to three times
//!           "HSET $hash $member&content++"  the same, now and then hundreds of times
//! request   SET k3 10 XX EX 1000100         then, sometimes, one thing is made wrong
//! ```
//! Small and large rounds of [`ROUND_REQUESTS`] take turns: in a small one elements are few and
//! short, in a large one many and some long, keys are fewer and rarely deleted, so that collections
//! outgrow every small form and shrink again.
//!
//! 1. No deadline falls due during a run: relative spans are days long, absolute deadlines lie
//!    after the year 2099, or in the past where that deletes at once. (SET with a past deadline is
//!    left to the scripts: Redis counts such a key in DBSIZE until something meets it.)
//! 2. No two relative spans are equal or close, so GT and LT decide alike on both servers although
//!    their clocks are read at different moments.
//! 3. Nothing blocks outside of a transaction, ends the server, closes the connection or switches
//!    replies off.
//! 4. What redis-server 7.0.15 refuses and later versions accept is not sent.
//!
//! Cost: a run's history holds about [`LARGE_ROUND_ELEMENTS`] long words a request at most.
//! Not here: the templates (`grammar/`, a file a family), how replies are compared (`compare.rs`).

mod alphabets;
mod collections;
mod connection;
mod counting;
mod family;
mod generic;
mod hashes;
mod lists;
mod places;
mod scripts;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod waiting;

use fastrand::Rng;

use alphabets::{
    BIT_OFFSETS, FLOATS, INDEXES, INTEGERS, KEYS, MEMBERS, NAMES, OFFSETS, PATTERNS, PLACES,
    SCORE_BOUNDS, SCORES, VALUES, WRONG_WORDS,
};
pub(crate) use family::Family;

/// The first absolute deadline used: 2100-01-01 in seconds. Every relative one is before it.
pub(crate) const FIRST_ABSOLUTE_DEADLINE_SECONDS: u64 = 4_102_444_800;

/// All families.
pub(crate) const FAMILIES: &[Family] = &[
    generic::FAMILY,
    connection::FAMILY,
    strings::FAMILY,
    hashes::FAMILY,
    lists::FAMILY,
    sets::FAMILY,
    sorted_sets::FAMILY,
    counting::FAMILY,
    places::FAMILY,
    scripts::FAMILY,
    streams::FAMILY,
];

/// Requests of one round; small and large ones take turns, a small one is first.
const ROUND_REQUESTS: usize = 1_000;

/// Elements that a request may have on average in a small round.
const SMALL_ROUND_ELEMENTS: usize = 2;

/// The same in a large round.
const LARGE_ROUND_ELEMENTS: usize = 20;

/// How many elements of a large round there are to choose from.
const MANY_MEMBERS: u32 = 10_000;

/// What removes whole keys; in a large round it comes rarely.
const REMOVING: &[&[u8]] = &[
    b"DEL",
    b"UNLINK",
    b"FLUSHDB",
    b"FLUSHALL",
    b"SWAPDB",
    b"RENAME",
    b"SET",
];

/// Commands to which later versions of Redis give a further argument: none is appended.
const LATER_LONGER: &[&[u8]] = &[b"ZRANK", b"ZREVRANK"];

/// Keys by the type they mostly hold: prefix, and prefixes of where that type is wrong. Nothing
/// leads from a key with other scores to `zl`.
const TYPED: &[(&str, &[&str])] = &[
    ("h", &["k", "l", "s"]),
    ("l", &["k", "h", "z"]),
    ("s", &["k", "h", "z"]),
    ("z", &["k", "s"]),
    ("zl", &["h", "l"]),
    ("si", &["l"]),
];

/// Keys of a prefix in a small round. In a large one there are two, and one of them is favoured.
const TYPED_KEYS: u32 = 4;

/// The number of the key that commands of other types go to.
const WRONG_KEY: u32 = 3;

/// Keys of a prefix in a run over many.
const MANY_TYPED_KEYS: u32 = 500;

/// So many requests draw ids of entries from the same few.
const IDS_SHARED: usize = 16;

/// How many keys a run is spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// A handful, so that everything collides.
    FewKeys,
    /// Thousands, never flushed, so that tables grow and scans take many calls.
    ManyKeys,
    /// Two of a type, never flushed, in large rounds only, so that trees grow deep.
    LargeCollections,
}

/// Keys of strings in a run over many, besides the few.
const MANY_KEYS: u32 = 5_000;

/// One form of request.
struct Template {
    words: Vec<&'static str>,
    may_be_wrong: bool,
}

/// Makes requests from one seed.
pub(crate) struct Grammar {
    random: Rng,
    templates: Vec<Template>,
    /// Indexes into `templates`, each as often as its weight says.
    choices: Vec<usize>,
    /// The same of those that would wait outside of a transaction.
    waiting: Vec<usize>,
    span_count: u64,
    breadth: Breadth,
    request_count: usize,
    /// Elements that long requests may still have.
    elements_left: usize,
    /// Within the elements of a long request, none of which may be wrong.
    is_long: bool,
}

impl Grammar {
    /// Requests of these families' commands for which `is_known` says yes; the names of the others
    /// are returned too.
    pub(crate) fn new(
        seed: u64,
        breadth: Breadth,
        families: &[Family],
        is_known: impl Fn(&str) -> bool,
    ) -> (Grammar, Vec<&'static str>) {
        let mut grammar = Grammar {
            random: Rng::with_seed(seed),
            templates: Vec::new(),
            choices: Vec::new(),
            waiting: Vec::new(),
            span_count: 0,
            breadth,
            request_count: 0,
            elements_left: 0,
            is_long: false,
        };
        let mut unknown = Vec::new();
        let lines = families.iter().flat_map(|family| family.templates.lines());
        let lines = lines.map(|line| (line, false));
        let waiting = match families.len() == FAMILIES.len() {
            true => waiting::TEMPLATES,
            false => "",
        };
        let lines = lines.chain(waiting.lines().map(|line| (line, true)));
        for (line, waits) in lines.filter(|(line, _)| !line.is_empty()) {
            let (weight, form) = line.split_once(' ').expect("a template has a weight");
            let words: Vec<&str> = form.split(' ').collect();
            if breadth != Breadth::FewKeys && words[0].starts_with("FLUSH") {
                continue;
            }
            if !words[0].starts_with('$') && !is_known(words[0]) {
                unknown.push(words[0]);
                continue;
            }
            let (digits, may_be_wrong) = match weight.strip_suffix('!') {
                Some(digits) => (digits, false),
                None => (weight, true),
            };
            let weight = digits.parse().expect("a weight is a number");
            let index = grammar.templates.len();
            let choices = match waits {
                true => &mut grammar.waiting,
                false => &mut grammar.choices,
            };
            choices.extend(std::iter::repeat_n(index, weight));
            grammar.templates.push(Template {
                words,
                may_be_wrong,
            });
        }
        unknown.sort_unstable();
        unknown.dedup();
        (grammar, unknown)
    }

    /// The generator, for choices outside the grammar.
    pub(crate) fn random(&mut self) -> &mut Rng {
        &mut self.random
    }

    /// One request, right or wrong.
    pub(crate) fn request(&mut self) -> Vec<Vec<u8>> {
        self.request_count += 1;
        self.elements_left += if self.is_large_round() {
            LARGE_ROUND_ELEMENTS
        } else {
            SMALL_ROUND_ELEMENTS
        };
        let template = self.choose_template();
        self.request_of(template)
    }

    /// One request for a transaction: of those that would wait outside of one, if there are such.
    pub(crate) fn waiting_request(&mut self) -> Vec<Vec<u8>> {
        if self.waiting.is_empty() {
            return self.request();
        }
        let index = self.random.usize(0..self.waiting.len());
        self.request_of(self.waiting[index])
    }

    fn request_of(&mut self, template: usize) -> Vec<Vec<u8>> {
        let mut request = Vec::new();
        for word in self.templates[template].words.clone() {
            self.expand_word(word, &mut request);
        }
        let may_be_wrong = self.templates[template].may_be_wrong;
        match self.random.u32(0..100) {
            0..6 if may_be_wrong => self.make_wrong(&mut request),
            6..8 => {
                request.insert(0, b"GETKEYS".to_vec());
                request.insert(0, b"COMMAND".to_vec());
            }
            8..20 => request[0].make_ascii_lowercase(),
            _ => {}
        }
        request
    }

    /// One key of any kind.
    pub(crate) fn key(&mut self) -> Vec<u8> {
        match self.random.bool() {
            true => self.plain_key(),
            false => self.typed_key(),
        }
    }

    fn is_large_round(&self) -> bool {
        match self.breadth {
            Breadth::FewKeys => self.request_count / ROUND_REQUESTS % 2 == 1,
            Breadth::ManyKeys => false,
            Breadth::LargeCollections => true,
        }
    }

    fn choose_template(&mut self) -> usize {
        loop {
            let index = self.choices[self.random.usize(0..self.choices.len())];
            let name = self.templates[index].words[0].as_bytes();
            let is_unwanted = self.is_large_round() && REMOVING.contains(&name);
            if !is_unwanted || self.random.u32(0..20) == 0 {
                return index;
            }
        }
    }

    fn make_wrong(&mut self, request: &mut Vec<Vec<u8>>) {
        let index = self.random.usize(0..request.len());
        let wrong = self.one_of(WRONG_WORDS).to_vec();
        let may_grow = !LATER_LONGER.contains(&request[0].as_slice());
        match self.random.u32(0..4) {
            // The name stays: what remains could be a command that no template means.
            0 if index > 0 => {
                request.remove(index);
            }
            1 if may_grow => request.push(wrong),
            2 if index > 0 => request[index] = wrong,
            _ if may_grow => request.push(request[index].clone()),
            _ => {}
        }
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.random.usize(0..list.len())]
    }

    /// A key that mostly holds a string, or nothing.
    fn plain_key(&mut self) -> Vec<u8> {
        if self.breadth == Breadth::ManyKeys && self.random.u32(0..10) > 0 {
            return format!("key:{}", self.random.u32(0..MANY_KEYS)).into_bytes();
        }
        self.one_of(KEYS).to_vec()
    }

    /// A key that mostly holds a collection.
    fn typed_key(&mut self) -> Vec<u8> {
        match self.random.usize(0..=TYPED.len()) {
            0 => self.key_of("x"),
            index => self.key_of(TYPED[index - 1].0),
        }
    }

    fn key_of(&mut self, prefix: &str) -> Vec<u8> {
        let number = match (self.is_large_round(), self.breadth) {
            (true, _) => u32::from(self.random.u32(0..4) == 0),
            (false, Breadth::ManyKeys) => self.random.u32(0..MANY_TYPED_KEYS),
            (false, _) => self.random.u32(0..TYPED_KEYS),
        };
        format!("{prefix}{number}").into_bytes()
    }

    /// A key for commands of one type: mostly of that type, some shared by all, some wrong.
    fn key_for(&mut self, prefix: &str) -> Vec<u8> {
        let wrong = TYPED.iter().find(|(name, _)| *name == prefix);
        let (_, wrong) = wrong.expect("each prefix has its row");
        match self.random.u32(0..100) {
            // Texts of other scores and no integers stay away from keys with rules of their own.
            0..6 if prefix.len() == 1 => self.key_of("x"),
            6..9 => {
                let other = self.one_of(wrong);
                format!("{other}{WRONG_KEY}").into_bytes()
            }
            _ => self.key_of(prefix),
        }
    }

    /// A key of a stream, rarely one of another type.
    fn stream(&mut self) -> Vec<u8> {
        match self.random.u32(0..60) {
            0 => format!("l{WRONG_KEY}").into_bytes(),
            1 => b"nostream".to_vec(),
            _ => self.key_of("t"),
        }
    }

    /// An id as they are about so many steps before now.
    fn entry_id(&mut self, back: usize) -> Vec<u8> {
        let ms = (self.request_count / IDS_SHARED).saturating_sub(back) + 1;
        match self.random.u32(0..30) {
            0 => format!("{ms}-*"),
            1 => ms.to_string(),
            2 => (*self.one_of(&["0-0", "abc", "5-", "1-1-1", "0"])).to_owned(),
            _ => format!("{ms}-{}", self.random.u32(0..4)),
        }
        .into_bytes()
    }

    /// Days in seconds, never the same twice within 100,003 calls and never close.
    fn span_seconds(&mut self) -> u64 {
        self.span_count += 1;
        1_000_000 + self.span_count * 7_919 % 100_003 * 100
    }

    fn deadline_seconds(&mut self) -> u64 {
        match self.random.u32(0..12) {
            0 => 1,
            1 => 1_000_000_000,
            _ => self.far_seconds(),
        }
    }

    fn far_seconds(&mut self) -> u64 {
        FIRST_ABSOLUTE_DEADLINE_SECONDS + self.random.u64(0..4)
    }

    /// Appends a word as it is, or what its class or group of classes becomes.
    fn expand_word(&mut self, word: &str, request: &mut Vec<Vec<u8>>) {
        let Some(class) = word.strip_prefix('$') else {
            return request.push(word.as_bytes().to_vec());
        };
        let Some(group) = class.strip_suffix('+') else {
            return self.expand(class, request);
        };
        let (group, count) = match group.strip_suffix('+') {
            Some(group) => (group, self.repetitions()),
            None => (group, self.random.usize(1..4)),
        };
        self.is_long = count > 3;
        for _ in 0..count {
            for class in group.split('&') {
                self.expand(class, request);
            }
        }
        self.is_long = false;
    }

    /// How often elements are repeated: a few times, or as often as the budget allows.
    fn repetitions(&mut self) -> usize {
        let chance = if self.is_large_round() { 3 } else { 20 };
        let count = self.random.usize(200..=1_000);
        if count <= self.elements_left && self.random.u32(0..chance) == 0 {
            self.elements_left -= count;
            return count;
        }
        self.random.usize(1..4)
    }

    /// Appends the words of one class: none, one or several.
    fn expand(&mut self, class: &str, request: &mut Vec<Vec<u8>>) {
        let word = match class {
            "key" => match self.random.u32(0..60) {
                0 => self.typed_key(),
                _ => self.plain_key(),
            },
            "typed" => self.typed_key(),
            "twins" => return self.expand_twins(request),
            "lua" => self.lua(),
            "hash" => self.key_for("h"),
            "list" => self.key_for("l"),
            "set" => self.key_for("s"),
            "intset" => self.key_for("si"),
            "zset" => self.key_for("z"),
            "lexset" => self.key_for("zl"),
            "stream" => self.stream(),
            "last" => b"$".to_vec(),
            "nextid" => self.entry_id(0),
            "entryid" => {
                let back = self.random.usize(0..40);
                self.entry_id(back)
            }
            "entryms" => (self.request_count / IDS_SHARED).to_string().into_bytes(),
            "value" | "content" => self.value(),
            "member" => self.member(),
            "integermember" => self.integer_member(),
            "score" => self.score(),
            "lexbound" => self.text_bound(),
            "place" if self.is_large_round() && self.random.bool() => {
                self.random.i32(-1_000..1_000).to_string().into_bytes()
            }
            "place" => self.text_of(PLACES),
            "longitude" => self.degrees(180.0, "181"),
            "latitude" => self.degrees(85.0, "85.1"),
            "scorebound" => self.text_of(SCORE_BOUNDS),
            "integer" => self.text_of(INTEGERS),
            "float" => self.text_of(FLOATS),
            "index" => self.text_of(INDEXES),
            "offset" => self.text_of(OFFSETS),
            "bitoffset" => self.text_of(BIT_OFFSETS),
            "name" => self.text_of(NAMES),
            "pattern" => self.text_of(PATTERNS),
            "seconds"
            | "milliseconds"
            | "deadlineseconds"
            | "deadlinemilliseconds"
            | "farseconds"
            | "farmilliseconds" => self.time(class),
            _ => return self.expand_form(class, request),
        };
        request.push(word);
    }

    /// A script: the words of its forms with blanks between.
    fn lua(&mut self) -> Vec<u8> {
        let mut words = Vec::new();
        self.expand_form("script", &mut words);
        words.join(&b' ')
    }

    /// Two keys of the same kind.
    fn expand_twins(&mut self, request: &mut Vec<Vec<u8>>) {
        let index = self.random.usize(0..TYPED.len() + 4);
        for _ in 0..2 {
            let key = match TYPED.get(index) {
                Some((prefix, _)) => self.key_of(prefix),
                None => self.plain_key(),
            };
            request.push(key);
        }
    }

    fn text_of(&mut self, list: &[&str]) -> Vec<u8> {
        self.one_of(list).as_bytes().to_vec()
    }

    fn value(&mut self) -> Vec<u8> {
        match self.random.u32(0..40) {
            0 if !self.is_long => vec![b'x'; self.random.usize(0..3000)],
            0..2 => self.random.i64(-1000..1000).to_string().into_bytes(),
            _ => self.one_of(VALUES).to_vec(),
        }
    }

    /// An element of a list or set, a field of a hash, a member of a sorted set.
    fn member(&mut self) -> Vec<u8> {
        let is_few = !self.is_large_round() || self.random.u32(0..10) == 0;
        if is_few && !self.is_long {
            return self.one_of(MEMBERS).to_vec();
        }
        let number = self.random.u32(0..MANY_MEMBERS);
        match number % 8 {
            0 | 1 => number.to_string(),
            2 => format!("{number:0100}"),
            3 => format!("member number {number:050}"),
            _ => format!("member:{number}"),
        }
        .into_bytes()
    }

    /// A longitude or latitude, no two of which are the same, so that distances differ.
    fn degrees(&mut self, max: f64, outside: &str) -> Vec<u8> {
        let spread = match self.random.u32(0..4) {
            0 => max,
            1 => max / 10.0,
            _ => max / 100.0,
        };
        let degrees = (self.random.f64() * 2.0 - 1.0) * spread;
        match self.random.u32(0..60) {
            0 => outside.into(),
            1 => b"abc".to_vec(),
            _ => format!("{degrees:.7}").into_bytes(),
        }
    }

    fn integer_member(&mut self) -> Vec<u8> {
        let number = match self.random.u32(0..20) {
            0 => self.random.i64(..),
            1 => i64::from(self.random.i32(..)),
            2 => i64::from(self.random.i16(..)),
            _ if self.is_long || self.is_large_round() => {
                i64::from(self.random.u32(0..MANY_MEMBERS))
            }
            _ => self.random.i64(-5..20),
        };
        number.to_string().into_bytes()
    }

    fn score(&mut self) -> Vec<u8> {
        if !self.is_long && (!self.is_large_round() || self.random.bool()) {
            return self.text_of(SCORES);
        }
        let number = self.random.i32(-100..1_000);
        match number % 3 {
            0 => format!("{}", f64::from(number) / 8.0),
            _ => number.to_string(),
        }
        .into_bytes()
    }

    /// One end of a range by text.
    fn text_bound(&mut self) -> Vec<u8> {
        match self.random.u32(0..24) {
            0..5 => b"-".to_vec(),
            5..10 => b"+".to_vec(),
            // A member without its bracket is wrong.
            10 => self.member(),
            kind => {
                let mut bound = vec![if kind % 2 == 0 { b'[' } else { b'(' }];
                bound.extend(self.member());
                bound
            }
        }
    }

    fn time(&mut self, class: &str) -> Vec<u8> {
        let time = match class {
            "seconds" => self.span_seconds(),
            "milliseconds" => self.span_seconds() * 1000,
            "deadlineseconds" => self.deadline_seconds(),
            "deadlinemilliseconds" => self.deadline_seconds() * 1000 + self.random.u64(0..1000),
            "farseconds" => self.far_seconds(),
            _ => self.far_seconds() * 1000 + self.random.u64(0..1000),
        };
        match self.random.u32(0..20) {
            0 => self.one_of(WRONG_WORDS).to_vec(),
            _ => time.to_string().into_bytes(),
        }
    }

    /// Appends the words of an optional part: one of several forms.
    fn expand_form(&mut self, class: &str, request: &mut Vec<Vec<u8>>) {
        let forms: Vec<&str> = forms_of(class).split('|').collect();
        for word in self.one_of(&forms).split_whitespace() {
            self.expand_word(word, request);
        }
    }
}

fn forms_of(class: &str) -> &'static str {
    FAMILIES
        .iter()
        .find_map(|family| (family.forms_of)(class))
        .or_else(|| collections::forms_of(class))
        .unwrap_or_else(|| panic!("no such class: {class}"))
}
