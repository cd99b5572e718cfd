//! CPU of the server per request on hashes, lists, sets and sorted sets, measured by
//! redis-benchmark.
//!
//! Each row: fresh server, filled with the collections that the row is about, then one run of
//! redis-benchmark with 50 connections and pipelines, whose requests name random keys, members or
//! scores.
//!
//! Not here: strings, and the figures (`load_requests.rs`); the fill (`collection_fill.rs`).

use std::io;

use crate::Context;
use crate::collection_fill::{Collections, ELEMENT, Kind};
use crate::known_commands::require;
use crate::load_requests::{self, FIGURES};
use crate::report::Section;
use crate::server_process::Side;

const ROWS_NOTES: [&str; 3] = [
    "\"Up to\": empty at first, and growing; everything else is there before, so HSET and ZADD replace.",
    "Scores are in random order where the row does not say otherwise.",
    "Target: what the ratio of CPU is to be at least.",
];

/// Position of the CPU in the figures.
const CPU: usize = 0;
/// Elements of the collections that are one key.
const LARGE: u64 = 1_000_000;
/// Hashes of ten fields.
const HASHES: u64 = 100_000;
/// Lists, and the elements of each that is read or pushed to.
const LISTS: u64 = 1_000;
const LIST_ELEMENTS: u64 = 100;

/// One row: what is there before, and how redis-benchmark is called.
struct Row {
    name: &'static str,
    kind: Kind,
    /// Keys and elements of each that are there before.
    keys: u64,
    elements: u64,
    /// The random numbers are below this.
    range: u64,
    /// The base number of requests is divided by this.
    divisor: u64,
    depth: u64,
    /// The request, with what redis-benchmark replaces.
    request: &'static str,
    /// CPU of a request, of Redis's, that Evenkeel is to need at most.
    target: f64,
}

impl Row {
    /// A row over one collection of a million elements.
    fn large(name: &'static str, kind: Kind, request: &'static str, target: f64) -> Row {
        Row {
            name,
            kind,
            keys: 1,
            elements: LARGE,
            range: LARGE,
            divisor: 1,
            depth: 50,
            request,
            target,
        }
    }

    /// A row over many collections.
    fn small(
        name: &'static str,
        kind: Kind,
        (keys, elements): (u64, u64),
        request: &'static str,
        target: f64,
    ) -> Row {
        Row {
            keys,
            elements,
            range: keys,
            ..Row::large(name, kind, request, target)
        }
    }

    /// The first word of the request.
    fn command(&self) -> &'static str {
        self.request.split(' ').next().unwrap_or_default()
    }

    fn collections(&self, context: &Context) -> Collections {
        let scaled = |count| context.options.scaled(count);
        let (keys, elements) = match self.keys {
            0 | 1 => (self.keys, scaled(self.elements)),
            keys => (scaled(keys), self.elements),
        };
        Collections {
            kind: self.kind,
            key: self.kind.key(),
            keys: 0..keys,
            element: ELEMENT,
            elements,
        }
    }
}

fn rows(requests: u64, lists: u64) -> Vec<Row> {
    // A list gets its share of the LPOPs by chance: a fifth and a hundred more are many standard
    // deviations, so no list runs empty.
    let share = requests / lists;
    let popped = share + share / 5 + 100;
    hash_rows()
        .into_iter()
        .chain(list_rows(popped))
        .chain(set_rows())
        .chain(sorted_set_rows())
        .collect()
}

fn hash_rows() -> Vec<Row> {
    let small = |name, request, target| Row::small(name, Kind::Hash, (HASHES, 10), request, target);
    let large = |name, request| Row::large(name, Kind::Hash, request, 0.45);
    vec![
        small(
            "HGET, 100,000 hashes of 10 fields",
            "HGET h:__rand_int__ fld:000000000004",
            0.35,
        ),
        small(
            "HSET, 100,000 hashes of 10 fields",
            "HSET h:__rand_int__ fld:000000000004 hgfedcba",
            0.35,
        ),
        large(
            "HGET, one hash of 1 M fields",
            "HGET h:000000000000 fld:__rand_int__",
        ),
        large(
            "HSET, one hash of 1 M fields",
            "HSET h:000000000000 fld:__rand_int__ hgfedcba",
        ),
        Row {
            keys: 0,
            ..large(
                "HSET, one hash of up to 1 M fields",
                "HSET h:000000000000 fld:__rand_int__ hgfedcba",
            )
        },
        Row {
            divisor: 2,
            ..small("HGETALL of 10 fields", "HGETALL h:__rand_int__", 0.30)
        },
    ]
}

fn list_rows(popped: u64) -> Vec<Row> {
    let row = |name, elements, request, target| {
        Row::small(name, Kind::List, (LISTS, elements), request, target)
    };
    vec![
        row(
            "LPUSH, 1,000 lists",
            LIST_ELEMENTS,
            "LPUSH l:__rand_int__ fld:__rand_int__",
            0.40,
        ),
        row("LPOP, 1,000 lists", popped, "LPOP l:__rand_int__", 0.40),
        Row {
            divisor: 10,
            depth: 10,
            ..row(
                "LRANGE of 100, pipeline 10",
                LIST_ELEMENTS,
                "LRANGE l:__rand_int__ 0 99",
                0.35,
            )
        },
    ]
}

fn set_rows() -> Vec<Row> {
    let row = |name, request| Row::large(name, Kind::Set, request, 0.45);
    vec![
        Row {
            keys: 0,
            ..row(
                "SADD, one set of up to 1 M",
                "SADD s:000000000000 fld:__rand_int__",
            )
        },
        row(
            "SISMEMBER, one set of 1 M",
            "SISMEMBER s:000000000000 fld:__rand_int__",
        ),
    ]
}

fn sorted_set_rows() -> Vec<Row> {
    let row = |name, request, target| Row::large(name, Kind::SortedSet, request, target);
    let rank = |name| row(name, "ZRANK z:000000000000 fld:__rand_int__", 0.30);
    let range = |name| Row {
        divisor: 20,
        ..row(
            name,
            "ZRANGE z:000000000000 __rand_int__ +inf BYSCORE LIMIT 0 100",
            0.25,
        )
    };
    vec![
        row(
            "ZADD, one sorted set of 1 M",
            "ZADD z:000000000000 __rand_int__ fld:__rand_int__",
            0.35,
        ),
        row(
            "ZINCRBY, one sorted set of 1 M",
            "ZINCRBY z:000000000000 1 fld:__rand_int__",
            0.35,
        ),
        row(
            "ZSCORE, one sorted set of 1 M",
            "ZSCORE z:000000000000 fld:__rand_int__",
            0.45,
        ),
        rank("ZRANK, one sorted set of 1 M"),
        Row {
            kind: Kind::RisingSortedSet,
            ..rank("… scores rising as members were added, ZRANK")
        },
        range("ZRANGE BYSCORE LIMIT 0 100, one sorted set of 1 M"),
        Row {
            kind: Kind::RisingSortedSet,
            ..range("… scores rising as members were added, ZRANGE BYSCORE LIMIT 0 100")
        },
    ]
}

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let notes = load_requests::NOTES.iter().copied();
    let notes: Vec<&str> = notes.chain(ROWS_NOTES).collect();
    let mut section = Section::new("Collections: requests", &FIGURES, &notes);
    let base = context.options.scaled(context.options.requests);
    let rows = rows(base, context.options.scaled(LISTS));
    context.alternate(
        &mut section,
        rows.iter().map(|row| row.name),
        |index, side, section| {
            let row = &rows[index];
            section.target(CPU, row.name, format!("× {:.2}", 1.0 / row.target));
            measure(context, side, row, (base / row.divisor).max(1), section)
        },
    );
    section
}

fn measure(
    context: &Context,
    side: &Side,
    row: &Row,
    requests: u64,
    section: &mut Section,
) -> io::Result<Vec<f64>> {
    let Row { depth, request, .. } = row;
    let range = context.options.scaled(row.range);
    let options = format!("-c 50 -P {depth} -r {range} -n {requests} {request}");
    section.command(format!("redis-benchmark -p PORT --csv {options}"));
    let server = side.start()?;
    let mut client = server.client()?;
    require(&mut client, &[row.command()])?;
    let collections = row.collections(context);
    if collections.total() > 0 {
        section.command(collections.line());
        collections.fill(&mut client)?;
    }
    load_requests::measure(context, &server, &options, requests)
}
