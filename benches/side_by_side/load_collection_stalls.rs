//! Latency of one client beside one long command on a large collection, a snapshot of one, fields
//! that are due at once, and eviction of collections.
//!
//! ```text
//! fresh server ── fill ── PINGs │ command in a child process, until a moment after its end
//!                               │ HSETs at a fixed rate, with and without BGSAVE
//!                               │ the deadline of many fields
//!                               │ new hashes, with and without a limit of memory
//! ```
//!
//! 1. Each command has its own server, so none finds what another left behind.
//! 2. Beside writes, the difference to the row without snapshot or limit is what counts.
//!
//! Not here: the probe (`probe.rs`), stalls with strings (`load_stalls.rs`).

use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::Context;
use crate::collection_actions::{Action, hashes};
use crate::collection_fill::{Collections, ELEMENT, Kind, Name};
use crate::known_commands::require;
use crate::load_eviction::{info_number, limit};
use crate::load_snapshots::snapshot;
use crate::load_stalls::{self, FIGURES, since_epoch, until_gone};
use crate::overwrite_load::{Overwrites, Target};
use crate::probe::TAIL;
use crate::report::Section;
use crate::resp_client::{Client, encode, pipeline};
use crate::server_process::{ServerProcess, Side};
use crate::stall_actions;

/// Elements of the collection that a command is about.
const LARGE: u64 = 3_000_000;
/// Members of a sorted set.
const LARGE_SORTED: u64 = 1_000_000;
/// Members of the other set of a union.
const OTHER_SET: u64 = 1_000;
/// The key of each collection, and of what a command stores.
const KEY: &str = "c:0";
const OTHER_KEY: &str = "o:0";
const STORED_KEY: &str = "stored";
/// What no collection holds.
const ABSENT: &str = "absent";

/// HSETs per second beside snapshots.
const WRITE_RATE: u64 = 100_000;
/// Fields without a deadline and with one, in one hash.
const STANDING_FIELDS: u64 = 1_500_000;
const DUE_FIELDS: u64 = 500_000;
/// Time that giving fields their deadlines may take besides that of the fill.
const DEADLINES_MARGIN: Duration = Duration::from_secs(1);
const QUICK_DEADLINES_MARGIN: Duration = Duration::from_millis(300);
/// Fields that one HPEXPIREAT names.
const DEADLINES_STEP: u64 = 100;

/// `maxmemory`, and that of a smoke run.
const LIMIT_BYTES: u64 = 100 << 20;
const QUICK_LIMIT_BYTES: u64 = 8 << 20;
/// Fields that are added while PINGs are sent.
const ADDED_FIELDS: u64 = 3_000_000;
/// Fields between two looks at whether something was evicted.
const FILL_STEP_FIELDS: u64 = 100_000;
/// A fill counts as failed after so long.
const FILL_LIMIT: Duration = Duration::from_secs(120);

/// How long the writes, and the idle row, last; a BGSAVE that runs then is waited for.
const PHASE: Duration = Duration::from_secs(6);
const QUICK_PHASE: Duration = Duration::from_millis(100);
/// How long PINGs are sent after the end of the work in a smoke run.
const QUICK_TAIL: Duration = Duration::from_millis(20);

/// What one row does.
enum Work {
    /// Nothing but a busy loop of the load's core.
    Idle,
    /// One command on collections.
    Command(Vec<Collections>, Vec<String>),
    /// HSETs over the fields of one large hash, with snapshots or without.
    Writes { is_saving: bool },
    /// Fields that are due in the same millisecond.
    Deadlines,
    /// New hashes of so many fields, with a limit or without.
    Hashes { fields: u64, is_limited: bool },
}

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut notes = load_stalls::notes().to_vec();
    notes.push(format!(
        "HSETs: {WRITE_RATE} a second for {} s, and BGSAVEs one after the other; the fork's child \
         shares the server's core. New hashes: {ADDED_FIELDS} fields at full rate; evicting: after \
         maxmemory {} MiB was reached, allkeys-lru.",
        PHASE.as_secs(),
        LIMIT_BYTES >> 20,
    ));
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    let mut section = Section::new("Collections: stalls", &FIGURES, &notes);
    let plan = Plan { context };
    let rows = plan.rows();
    context.alternate(
        &mut section,
        rows.iter().map(|row| row.0.as_str()),
        |index, side, section| plan.measure(side, &rows[index].1, section),
    );
    section
}

/// Sizes of one run.
struct Plan<'a> {
    context: &'a Context,
}

impl Plan<'_> {
    fn scaled(&self, count: u64) -> u64 {
        self.context.options.scaled(count)
    }

    fn is_quick(&self) -> bool {
        self.context.options.quick
    }

    fn phase(&self) -> Duration {
        if self.is_quick() { QUICK_PHASE } else { PHASE }
    }

    fn tail(&self) -> Duration {
        if self.is_quick() { QUICK_TAIL } else { TAIL }
    }

    fn rows(&self) -> Vec<(String, Work)> {
        let fields = self.scaled(LARGE);
        let many = self.scaled(FILL_STEP_FIELDS);
        let adding = |fields, is_limited| Work::Hashes { fields, is_limited };
        let mut rows = vec![("idle, load core busy".to_owned(), Work::Idle)];
        rows.extend(self.reading_rows());
        rows.extend(self.writing_rows());
        rows.extend([
            (
                format!("HSETs on one hash of {fields} fields"),
                Work::Writes { is_saving: false },
            ),
            (
                format!("… and BGSAVE, one hash of {fields} fields"),
                Work::Writes { is_saving: true },
            ),
            (
                format!(
                    "{} of {} fields of one hash due at once",
                    self.scaled(DUE_FIELDS),
                    self.scaled(STANDING_FIELDS + DUE_FIELDS)
                ),
                Work::Deadlines,
            ),
            (
                "new hashes of 10 fields, no limit".to_owned(),
                adding(10, false),
            ),
            (
                "new hashes of 10 fields, evicting".to_owned(),
                adding(10, true),
            ),
            (
                format!("new hashes of {many} fields, no limit"),
                adding(many, false),
            ),
            (
                format!("new hashes of {many} fields, evicting"),
                adding(many, true),
            ),
        ]);
        rows
    }

    /// The rows whose reply, or whose work for it, is large.
    fn reading_rows(&self) -> Vec<(String, Work)> {
        let other = one(Kind::Set, "o:", self.scaled(OTHER_SET));
        let mut union = self.command(Kind::Set, &["SUNIONSTORE", STORED_KEY, KEY, OTHER_KEY]);
        if let Work::Command(collections, _) = &mut union.1 {
            collections.push(other);
        }
        vec![
            self.command(Kind::Hash, &["HGETALL", KEY]),
            self.command(Kind::Set, &["SMEMBERS", KEY]),
            self.command(Kind::List, &["LRANGE", KEY, "0", "-1"]),
            self.command(Kind::SortedSet, &["ZRANGE", KEY, "0", "-1", "WITHSCORES"]),
            union,
            self.command(Kind::SortedSet, &["ZUNIONSTORE", STORED_KEY, "1", KEY]),
            self.command(Kind::Hash, &["COPY", KEY, STORED_KEY]),
            self.command(Kind::List, &["SORT", KEY, "ALPHA", "LIMIT", "0", "10"]),
        ]
    }

    /// The rows that walk a list, or remove a collection.
    fn writing_rows(&self) -> Vec<(String, Work)> {
        let middle = ELEMENT.of(self.scaled(LARGE) / 2);
        let mut rows = vec![
            self.command(Kind::List, &["LREM", KEY, "0", ABSENT]),
            self.command(Kind::List, &["LINSERT", KEY, "BEFORE", &middle, ABSENT]),
        ];
        for kind in [Kind::Hash, Kind::Set, Kind::SortedSet, Kind::List] {
            rows.push(self.command(kind, &["DEL", KEY]));
        }
        rows
    }

    /// A row with a command on one large collection.
    fn command(&self, kind: Kind, words: &[&str]) -> (String, Work) {
        let (what, elements) = match kind {
            Kind::Hash => ("hash", LARGE),
            Kind::Set | Kind::IntegerSet => ("set", LARGE),
            Kind::SortedSet | Kind::RisingSortedSet => ("sorted set", LARGE_SORTED),
            Kind::List => ("list", LARGE),
        };
        let elements = self.scaled(elements);
        let text = match words {
            ["SUNIONSTORE", ..] => format!("SUNIONSTORE with a set of {}", self.scaled(OTHER_SET)),
            ["ZUNIONSTORE", ..] => "ZUNIONSTORE of one".to_owned(),
            ["LREM", ..] => "LREM of what is not there".to_owned(),
            ["LINSERT", ..] => "LINSERT before the middle".to_owned(),
            _ => {
                let shown = words
                    .iter()
                    .filter(|word| ![KEY, STORED_KEY].contains(word));
                shown.copied().collect::<Vec<_>>().join(" ")
            }
        };
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let collections = vec![one(kind, "c:", elements)];
        (
            format!("{text}, {what} of {elements}"),
            Work::Command(collections, words),
        )
    }

    fn measure(&self, side: &Side, work: &Work, section: &mut Section) -> io::Result<Vec<f64>> {
        let server = side.start()?;
        match work {
            Work::Idle => {
                let action = stall_actions::Action::Spin(self.phase().as_millis() as u64);
                section.command(action.line());
                self.probe(&server, || action.run(server.port()))
            }
            Work::Command(collections, words) => {
                let action = Action::Command(words.clone());
                section.command(action.line());
                require(&mut server.client()?, &[&words[0]])?;
                self.fill(&server, collections, section)?;
                self.probe(&server, || action.run(server.port()))
            }
            Work::Writes { is_saving } => self.measure_writes(&server, *is_saving, section),
            Work::Deadlines => self.measure_deadlines(&server, section),
            Work::Hashes { fields, is_limited } => {
                self.measure_hashes(&server, *fields, *is_limited, section)
            }
        }
    }

    fn probe(
        &self,
        server: &ServerProcess,
        action: impl FnOnce() -> io::Result<f64> + Send,
    ) -> io::Result<Vec<f64>> {
        load_stalls::measure(server, self.tail(), action)
    }

    fn fill(
        &self,
        server: &ServerProcess,
        collections: &[Collections],
        section: &mut Section,
    ) -> io::Result<()> {
        let mut client = server.client()?;
        for collections in collections {
            section.command(collections.line());
            collections.fill(&mut client)?;
        }
        Ok(())
    }

    fn measure_writes(
        &self,
        server: &ServerProcess,
        is_saving: bool,
        section: &mut Section,
    ) -> io::Result<Vec<f64>> {
        let fields = self.scaled(LARGE);
        self.fill(server, &[hashes(0, 1, fields)], section)?;
        let load = Overwrites {
            target: Target::Fields,
            keys: fields,
            value_bytes: 8,
            rate_limit: WRITE_RATE,
        };
        section.command(load.line());
        self.probe(server, || {
            let start = Instant::now();
            let load = load.start(server.port())?;
            if is_saving {
                let mut client = server.client()?;
                while start.elapsed() < self.phase() {
                    snapshot(&mut client)?;
                }
            } else {
                thread::sleep(self.phase());
            }
            load.stop()?;
            Ok(start.elapsed().as_secs_f64())
        })
    }

    fn measure_deadlines(
        &self,
        server: &ServerProcess,
        section: &mut Section,
    ) -> io::Result<Vec<f64>> {
        let [standing, due] = [STANDING_FIELDS, DUE_FIELDS].map(|count| self.scaled(count));
        let mut client = server.client()?;
        section.command(format!(
            "(this program) HPEXPIREAT {KEY} DEADLINE FIELDS {DEADLINES_STEP} {} … for {due} fields",
            ELEMENT.of(0)
        ));
        require(&mut client, &["HPEXPIREAT"])?;
        let start = Instant::now();
        let hash = one(Kind::Hash, "c:", standing + due);
        self.fill(server, std::slice::from_ref(&hash), section)?;
        // Four times as many fields took this long: time enough for the ones that are due.
        let margin = if self.is_quick() {
            QUICK_DEADLINES_MARGIN
        } else {
            DEADLINES_MARGIN
        };
        let deadline = SystemTime::now() + start.elapsed() + margin;
        set_deadlines(&mut client, due, deadline)?;
        let counting: [&[u8]; 2] = [b"HLEN", KEY.as_bytes()];
        let counted = client.call_integer(&counting)?;
        if SystemTime::now() > deadline || counted as u64 != standing + due {
            return Err(io::Error::other(
                "fields were due before all of them had a deadline",
            ));
        }
        self.probe(server, || {
            until_gone(&mut client, &counting, deadline, standing)
        })
    }

    fn measure_hashes(
        &self,
        server: &ServerProcess,
        fields: u64,
        is_limited: bool,
        section: &mut Section,
    ) -> io::Result<Vec<f64>> {
        let mut client = server.client()?;
        let bytes = match (is_limited, self.is_quick()) {
            (false, _) => 0,
            (true, false) => LIMIT_BYTES,
            (true, true) => QUICK_LIMIT_BYTES,
        };
        limit(&mut client, bytes, "allkeys-lru")?;
        let first = if is_limited {
            fill_until_evicted(&mut client, fields)?
        } else {
            self.fill(server, &[hashes(0, 1, fields)], section)?;
            1
        };
        let action = Action::Hashes {
            first,
            end: first + self.scaled(ADDED_FIELDS) / fields,
            fields,
        };
        section.command(action.line());
        let before = evicted(&mut client)?;
        let measured = self.probe(server, || action.run(server.port()))?;
        if is_limited && evicted(&mut client)? == before {
            return Err(io::Error::other("nothing was evicted"));
        }
        Ok(measured)
    }
}

/// One collection, whose key is the prefix and a zero.
fn one(kind: Kind, prefix: &'static str, elements: u64) -> Collections {
    Collections {
        kind,
        key: Name { prefix, digits: 1 },
        keys: 0..1,
        element: ELEMENT,
        elements,
    }
}

fn set_deadlines(client: &mut Client, due: u64, deadline: SystemTime) -> io::Result<()> {
    let deadline_ms = since_epoch(deadline).as_millis().to_string();
    let commands = 0..due.div_ceil(DEADLINES_STEP);
    let clients = std::slice::from_mut(client);
    pipeline(clients, commands, 10, |command, batch| {
        let first = command * DEADLINES_STEP;
        let fields = first..due.min(first + DEADLINES_STEP);
        let count = (fields.end - fields.start).to_string();
        let names: Vec<String> = fields.map(|field| ELEMENT.of(field)).collect();
        let mut words = vec!["HPEXPIREAT", KEY, &deadline_ms, "FIELDS", &count];
        words.extend(names.iter().map(String::as_str));
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        encode(batch, &words);
    })
}

/// Adds hashes until one was evicted; returns the number of the next.
fn fill_until_evicted(client: &mut Client, fields: u64) -> io::Result<u64> {
    require(client, &["HSET"])?;
    let start = Instant::now();
    let step = (FILL_STEP_FIELDS / fields).max(1);
    let mut next = 0;
    while evicted(client)? == 0 {
        if start.elapsed() > FILL_LIMIT {
            return Err(io::Error::other(
                "the fill does not reach the limit of memory",
            ));
        }
        hashes(next, next + step, fields).send(client)?;
        next += step;
    }
    Ok(next)
}

fn evicted(client: &mut Client) -> io::Result<u64> {
    info_number(client, "stats", "evicted_keys")
}
