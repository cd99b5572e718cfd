//! Random requests over small alphabets, so that keys, values and options collide.
//!
//! ```text
//! template  "SET $key $value $setoptions"      weight in front; `$class` becomes words
//! request   SET k3 10 XX EX 1000100            then, sometimes, one thing is made wrong
//! ```
//! 1. No deadline falls due during a run: relative spans are days long, absolute deadlines lie
//!    after the year 2099, or in the past where that deletes at once. (SET with a past deadline is
//!    left to the scripts: Redis counts such a key in DBSIZE until something meets it.)
//! 2. No two relative spans are equal or close, so GT and LT decide alike on both servers although
//!    their clocks are read at different moments.
//! 3. Nothing blocks, ends the server, closes the connection or switches replies off.
//!
//! Not here: how replies are compared (`compare.rs`).

use fastrand::Rng;

/// The first absolute deadline used: 2100-01-01 in seconds. Every relative one is before it.
pub(crate) const FIRST_ABSOLUTE_DEADLINE_SECONDS: u64 = 4_102_444_800;

/// Weight and form of each request.
const TEMPLATES: &str = "
20 GET $key
30 SET $key $value $setoptions
4 SETEX $key $seconds $value
4 PSETEX $key $milliseconds $value
4 SETNX $key $value
4 GETSET $key $value
4 GETDEL $key
8 GETEX $key $getexoptions
6 MGET $keys
5 MSET $pairs
4 MSETNX $pairs
6 APPEND $key $value
4 STRLEN $key
6 GETRANGE $key $index $index
2 SUBSTR $key $index $index
6 SETRANGE $key $offset $value
5 INCR $key
5 DECR $key
6 INCRBY $key $integer
6 DECRBY $key $integer
8 INCRBYFLOAT $key $float
3 LCS $key $key $lcsoptions
6 SETBIT $key $bitoffset $bit
5 GETBIT $key $bitoffset
6 BITCOUNT $key $bitrange
6 BITPOS $key $bit $bitrange
6 BITOP $bitoperation $key $keys
8 BITFIELD $key $bitfieldsteps
3 BITFIELD_RO $key $bitfieldreads
6 DEL $keys
3 UNLINK $keys
5 EXISTS $keys
2 TOUCH $keys
3 TYPE $key
4 RENAME $key $key
3 RENAMENX $key $key
5 COPY $key $key $copyoptions
3 MOVE $key $database
1 SWAPDB $database $database
4 SELECT $database
2 DBSIZE
4 KEYS $pattern
1 RANDOMKEY
4 OBJECT ENCODING $key
1 OBJECT REFCOUNT $key
1 OBJECT IDLETIME $key
1 OBJECT FREQ $key
8 EXPIRE $key $seconds $expireoptions
6 PEXPIRE $key $milliseconds $expireoptions
6 EXPIREAT $key $deadlineseconds $expireoptions
6 PEXPIREAT $key $deadlinemilliseconds $expireoptions
4 TTL $key
4 PTTL $key
4 EXPIRETIME $key
4 PEXPIRETIME $key
4 PERSIST $key
3 SCAN 0 COUNT 100000 $scanoptions
3 MULTI
4 EXEC
1 DISCARD
3 WATCH $keys
1 UNWATCH
2 PING
1 PING $value
1 ECHO $value
2 HELLO $hellooptions
1 RESET
1 AUTH $value
1 AUTH default $value
1 CLIENT SETNAME $name
1 CLIENT GETNAME
1 CLIENT ID
1 CLIENT INFO
1 CLIENT LIST
1 CLIENT NO-EVICT $onoff
1 CLIENT UNPAUSE
1 CLIENT KILL ID 999999999
1 CLIENT $value
1 COMMAND COUNT
1 COMMAND INFO $command
1 COMMAND DOCS nosuch
1 COMMAND LIST FILTERBY PATTERN get*
1 CONFIG GET $parameter
1 CONFIG SET $parametersetting
1 CONFIG RESETSTAT
1 CONFIG $value
1 INFO $section
1 TIME
1 $value $value
1 FLUSHDB $flushoptions
1 FLUSHALL $flushoptions
";

#[rustfmt::skip]
const KEYS: &[&[u8]] = &[
    b"k0", b"k1", b"k2", b"k3", b"k4", b"n0", b"n1", b"", b"\x00\xff", b"{t}a",
];

#[rustfmt::skip]
const VALUES: &[&[u8]] = &[
    b"", b"0", b"1", b"-1", b"10", b"255", b"10000", b"9223372036854775807",
    b"-9223372036854775808", b"9223372036854775808", b"3.0", b"0.1", b"1e5", b"1.5e-3", b" 1",
    b"01", b"-0", b"+1", b"inf", b"nan", b"abc", b"foobar", b"\x00\xff\x80", b"\xff\xff\xff\xff",
    b"a\r\nb", b"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee",
    b"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee",
];

#[rustfmt::skip]
const INTEGERS: &[&str] = &[
    "0", "1", "-1", "2", "7", "10", "100", "-100", "1000000", "4611686018427387904",
    "9223372036854775807", "-9223372036854775808", "-9223372036854775807", "9223372036854775808",
    "99999999999999999999", "1.0", "abc", "", "-0", "+1", "01", " 1", "1 ",
];

#[rustfmt::skip]
const FLOATS: &[&str] = &[
    "0", "1", "-1", "0.1", "0.2", "-0.3", "1.5", "3.0e3", "1e-7", "1e17", "-1e17", "1e300", "5.",
    ".5", "+1", "abc", "", "nan", "inf", "-inf", " 1", "1 ", "1e", "123456789.123456789",
];

#[rustfmt::skip]
const INDEXES: &[&str] = &[
    "0", "1", "-1", "2", "-2", "5", "-5", "7", "8", "44", "100", "-100", "100000",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "abc", "",
];

/// Offsets are small or refused: a large valid one would allocate half a gigabyte.
#[rustfmt::skip]
const OFFSETS: &[&str] = &[
    "0", "1", "2", "5", "10", "43", "44", "63", "64", "100", "3000", "-1", "536870912",
    "9223372036854775807", "9223372036854775808", "abc",
];

#[rustfmt::skip]
const BIT_OFFSETS: &[&str] = &[
    "0", "1", "6", "7", "8", "9", "15", "31", "63", "64", "100", "1000", "20000", "-1",
    "4294967296", "9223372036854775807", "99999999999999999999", "abc", "",
];

/// What an argument may be replaced with. As a span of time each is wrong, past or out of range.
#[rustfmt::skip]
const WRONG_WORDS: &[&[u8]] = &[
    b"", b"-1", b"0", b"abc", b"NX", b"GET", b"1.5", b" 1", b"9223372036854775807",
    b"9223372036854775808", b"-9223372036854775808", b"\x00\xff",
];

/// Makes requests from one seed.
pub(crate) struct Grammar {
    random: Rng,
    templates: Vec<Vec<&'static str>>,
    /// Indexes into `templates`, each as often as its weight says.
    choices: Vec<usize>,
    span_count: u64,
    breadth: Breadth,
}

/// How many keys a run is spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// A handful, so that everything collides.
    FewKeys,
    /// Thousands, never flushed, so that tables grow and scans take many calls.
    ManyKeys,
}

/// Keys of a run over many, besides the few.
const MANY_KEYS: u32 = 5_000;

impl Grammar {
    /// Requests of the commands for which `is_known` says yes; the names of the others are
    /// returned too.
    pub(crate) fn new(
        seed: u64,
        breadth: Breadth,
        is_known: impl Fn(&str) -> bool,
    ) -> (Grammar, Vec<&'static str>) {
        let mut grammar = Grammar {
            random: Rng::with_seed(seed),
            templates: Vec::new(),
            choices: Vec::new(),
            span_count: 0,
            breadth,
        };
        let mut unknown = Vec::new();
        for line in TEMPLATES.lines().filter(|line| !line.is_empty()) {
            let (weight, form) = line.split_once(' ').expect("a template has a weight");
            let words: Vec<&str> = form.split(' ').collect();
            if breadth == Breadth::ManyKeys && words[0].starts_with("FLUSH") {
                continue;
            }
            if !words[0].starts_with('$') && !is_known(words[0]) {
                unknown.push(words[0]);
                continue;
            }
            let weight = weight.parse().expect("a weight is a number");
            grammar
                .choices
                .extend(std::iter::repeat_n(grammar.templates.len(), weight));
            grammar.templates.push(words);
        }
        unknown.dedup();
        (grammar, unknown)
    }

    /// The generator, for choices outside the grammar.
    pub(crate) fn random(&mut self) -> &mut Rng {
        &mut self.random
    }

    /// One request, right or wrong.
    pub(crate) fn request(&mut self) -> Vec<Vec<u8>> {
        let template = self.choices[self.random.usize(0..self.choices.len())];
        let mut request = Vec::new();
        for word in self.templates[template].clone() {
            match word.strip_prefix('$') {
                Some(class) => self.expand(class, &mut request),
                None => request.push(word.as_bytes().to_vec()),
            }
        }
        match self.random.u32(0..100) {
            0..6 => self.make_wrong(&mut request),
            6..8 => {
                request.insert(0, b"GETKEYS".to_vec());
                request.insert(0, b"COMMAND".to_vec());
            }
            8..20 => request[0].make_ascii_lowercase(),
            _ => {}
        }
        request
    }

    /// One key.
    pub(crate) fn key(&mut self) -> Vec<u8> {
        if self.breadth == Breadth::ManyKeys && self.random.u32(0..10) > 0 {
            return format!("key:{}", self.random.u32(0..MANY_KEYS)).into_bytes();
        }
        self.one_of(KEYS).to_vec()
    }

    fn make_wrong(&mut self, request: &mut Vec<Vec<u8>>) {
        let index = self.random.usize(0..request.len());
        let wrong = self.one_of(WRONG_WORDS).to_vec();
        match self.random.u32(0..4) {
            // The name stays: what remains could be a command that no template means.
            0 if index > 0 => {
                request.remove(index);
            }
            1 => request.push(wrong),
            2 if index > 0 => request[index] = wrong,
            _ => request.push(request[index].clone()),
        }
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.random.usize(0..list.len())]
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

    /// Appends the words of one class: none, one or several.
    fn expand(&mut self, class: &str, request: &mut Vec<Vec<u8>>) {
        match class {
            "key" => {
                let key = self.key();
                request.push(key);
            }
            "keys" => {
                for _ in 0..self.random.usize(1..4) {
                    self.expand("key", request);
                }
            }
            "pairs" => {
                for _ in 0..self.random.usize(1..4) {
                    self.expand("key", request);
                    self.expand("value", request);
                }
            }
            "value" => {
                let value = match self.random.u32(0..40) {
                    0 => vec![b'x'; self.random.usize(0..3000)],
                    1 => self.random.i64(-1000..1000).to_string().into_bytes(),
                    _ => self.one_of(VALUES).to_vec(),
                };
                request.push(value);
            }
            "integer" => self.push_one_of(INTEGERS, request),
            "float" => self.push_one_of(FLOATS, request),
            "index" => self.push_one_of(INDEXES, request),
            "offset" => self.push_one_of(OFFSETS, request),
            "bitoffset" => self.push_one_of(BIT_OFFSETS, request),
            "bit" => self.push_one_of(&["0", "1", "0", "1", "0", "1", "2", "-1", "abc"], request),
            "database" => self.push_one_of(&["0", "0", "0", "1", "2", "16", "-1", "abc"], request),
            "onoff" => self.push_one_of(&["on", "OFF", "bad"], request),
            "name" => self.push_one_of(&["me", "you", "", "a b", "\n"], request),
            "pattern" => self.push_one_of(
                &[
                    "*", "k*", "?0", "[kn]0", "[^k]*", "k[0-2]", "*a", "\\k0", "", "[", "[k", "k0",
                ],
                request,
            ),
            "seconds"
            | "milliseconds"
            | "deadlineseconds"
            | "deadlinemilliseconds"
            | "farseconds"
            | "farmilliseconds" => self.expand_time(class, request),
            _ => self.expand_options(class, request),
        }
    }

    fn push_one_of(&mut self, list: &[&str], request: &mut Vec<Vec<u8>>) {
        let word = self.one_of(list);
        request.push(word.as_bytes().to_vec());
    }

    fn expand_time(&mut self, class: &str, request: &mut Vec<Vec<u8>>) {
        let time = match class {
            "seconds" => self.span_seconds(),
            "milliseconds" => self.span_seconds() * 1000,
            "deadlineseconds" => self.deadline_seconds(),
            "deadlinemilliseconds" => self.deadline_seconds() * 1000 + self.random.u64(0..1000),
            "farseconds" => self.far_seconds(),
            _ => self.far_seconds() * 1000 + self.random.u64(0..1000),
        };
        match self.random.u32(0..20) {
            0 => request.push(self.one_of(WRONG_WORDS).to_vec()),
            _ => request.push(time.to_string().into_bytes()),
        }
    }

    /// Appends the words of an optional part: one of several forms.
    fn expand_options(&mut self, class: &str, request: &mut Vec<Vec<u8>>) {
        let forms: Vec<&str> = forms_of(class).split('|').collect();
        for word in self.one_of(&forms).split_whitespace() {
            match word.strip_prefix('$') {
                Some(class) => self.expand(class, request),
                None => request.push(word.as_bytes().to_vec()),
            }
        }
    }
}

/// The forms that an optional part may take, separated by bars; empty ones leave it out.
fn forms_of(class: &str) -> &'static str {
    match class {
        "setoptions" => {
            "||| NX | XX | GET | NX GET | xx get | KEEPTTL | NX XX | EX $seconds | PX $milliseconds \
             | EXAT $farseconds | PXAT $farmilliseconds | NX EX $seconds | PX $milliseconds XX \
             | GET EX $seconds XX | KEEPTTL EX $seconds | EX $seconds PX $milliseconds | EX \
             | KEEPTTL GET XX | PERSIST"
        }
        "getexoptions" => {
            "| PERSIST | EX $seconds | PX $milliseconds | EXAT $deadlineseconds \
             | PXAT $deadlinemilliseconds | persist EX $seconds | EX | KEEPTTL"
        }
        "expireoptions" => {
            "||| NX | XX | GT | LT | XX GT | lt xx | NX XX | GT LT | NX GT | BAD | GT GT"
        }
        "copyoptions" => "|| REPLACE | DB $database | DB $database REPLACE | DB | BAD",
        "lcsoptions" => {
            "| LEN | IDX | IDX WITHMATCHLEN | IDX MINMATCHLEN $integer | LEN IDX | BAD | MINMATCHLEN"
        }
        "scanoptions" => {
            "| MATCH $pattern | TYPE string | TYPE list | MATCH $pattern TYPE string | BAD | COUNT \
             | MATCH | COUNT 0"
        }
        // SETNAME is left to the scripts: Redis before 7.2 keeps the name although HELLO fails.
        "hellooptions" => "2 | 3 || 4 | abc | 3 BAD",
        "command" => "get | set | nosuch | bitfield | client",
        "parameter" => {
            "timeout | databases | nosuch | proto-max-bulk-len | TIMEOUT | hz | slave-read-only \
             | appendonly"
        }
        "parametersetting" => {
            "timeout 0 | timeout abc | timeout -1 | timeout 0 timeout 0 | nosuch 1 | timeout \
             | client-query-buffer-limit 1gb | client-query-buffer-limit 2000000k \
             | client-query-buffer-limit abc | client-query-buffer-limit -1 \
             | client-query-buffer-limit 5 | databases 3 | hz abc | appendonly no \
             | rdbcompression maybe | cluster-enabled yes"
        }
        "section" => "server | nosuch | keyspace",
        "flushoptions" => "| ASYNC | SYNC | BAD",
        _ => forms_of_bits(class),
    }
}

/// The same for the commands about bits.
fn forms_of_bits(class: &str) -> &'static str {
    match class {
        "bitrange" => {
            "|| $index | $index $index | $index $index | $index $index BYTE | $index $index BIT \
             | $index $index bit | $index $index BAD"
        }
        "bitoperation" => "AND | OR | XOR | NOT | and | BAD",
        "bitfieldsteps" => {
            "| $bitfieldstep | $bitfieldstep $bitfieldstep \
             | $bitfieldstep OVERFLOW $overflow $bitfieldstep $bitfieldstep \
             | OVERFLOW $overflow $bitfieldstep"
        }
        "bitfieldstep" => {
            "GET $fieldtype $fieldoffset | SET $fieldtype $fieldoffset $integer \
             | INCRBY $fieldtype $fieldoffset $integer"
        }
        "bitfieldreads" => {
            "| GET $fieldtype $fieldoffset | $bitfieldstep \
             | GET $fieldtype $fieldoffset get $fieldtype $fieldoffset"
        }
        "overflow" => "WRAP | SAT | FAIL | sat | BAD",
        "fieldtype" => "u1 | i1 | u4 | u8 | i8 | u16 | i17 | i32 | u63 | i64 | u64 | i65 | x |",
        "fieldoffset" => "0 | 1 | 5 | 7 | 8 | 33 | 100 | #0 | #1 | #3 | #20 | -1 | #-1 | # | abc",
        _ => panic!("no such class: {class}"),
    }
}
