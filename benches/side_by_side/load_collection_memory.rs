//! Resident memory of the server per element of its collections.
//!
//! ```text
//! bytes per element = (VmRSS after the fill − VmRSS of the empty server) / elements
//! ```
//!
//! It includes what a key costs, which matters where collections are small.
//!
//! Not here: strings (`load_memory.rs`), the fill (`collection_fill.rs`).

use std::io;

use crate::Context;
use crate::collection_fill::{Collections, Kind, Name};
use crate::report::{Better, Figure, Section};
use crate::server_process::Side;

const FIGURES: [Figure; 1] = [Figure {
    title: "Resident bytes per element",
    better: Better::Lower,
    decimals: 1,
}];

const NOTES: [&str; 1] = [
    "Fields, members and elements of 16 bytes, values of 8, added by variadic commands in pipelines; \
     scores in random order where the row does not say otherwise. VmRSS, once it no longer changes, minus that of the empty server. The target is Evenkeel's.",
];

/// Names of fields, members and elements.
const FIELD: Name = Name {
    prefix: "field:",
    digits: 10,
};

/// What one row holds.
struct Row {
    name: &'static str,
    kind: Kind,
    keys: u64,
    elements: u64,
    /// What Evenkeel is to need at most.
    target_bytes: f64,
}

const ROWS: [Row; 8] = [
    Row {
        name: "one hash of 1 M fields, 16+8",
        kind: Kind::Hash,
        keys: 1,
        elements: 1_000_000,
        target_bytes: 38.0,
    },
    Row {
        name: "100,000 hashes of 10 fields, 16+8",
        kind: Kind::Hash,
        keys: 100_000,
        elements: 10,
        target_bytes: 32.0,
    },
    Row {
        name: "one set of 1 M members of 16",
        kind: Kind::Set,
        keys: 1,
        elements: 1_000_000,
        target_bytes: 23.0,
    },
    Row {
        name: "one set of 1 M integers below 2^40",
        kind: Kind::IntegerSet,
        keys: 1,
        elements: 1_000_000,
        target_bytes: 13.0,
    },
    Row {
        name: "one sorted set of 1 M members of 16, integer scores",
        kind: Kind::SortedSet,
        keys: 1,
        elements: 1_000_000,
        target_bytes: 56.0,
    },
    Row {
        name: "the same, scores rising as members are added",
        kind: Kind::RisingSortedSet,
        keys: 1,
        elements: 1_000_000,
        target_bytes: 56.0,
    },
    Row {
        name: "10,000 sorted sets of 100 members of 16",
        kind: Kind::SortedSet,
        keys: 10_000,
        elements: 100,
        target_bytes: 25.0,
    },
    Row {
        name: "one list of 1 M elements of 16",
        kind: Kind::List,
        keys: 1,
        elements: 1_000_000,
        target_bytes: 18.0,
    },
];

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Collections: memory", &FIGURES, &NOTES);
    context.alternate(
        &mut section,
        ROWS.iter().map(|row| row.name),
        |index, side, section| {
            let row = &ROWS[index];
            let collections = collections(context, row);
            section.command(collections.line());
            section.target(0, row.name, format!("≤ {:.1}", row.target_bytes));
            measure(context, side, &collections)
        },
    );
    section
}

fn collections(context: &Context, row: &Row) -> Collections {
    let scaled = |count| context.options.scaled(count);
    // In a smoke run either there are fewer keys, or the one is smaller.
    let (keys, elements) = match row.keys {
        1 => (1, scaled(row.elements)),
        keys => (scaled(keys), row.elements),
    };
    Collections {
        kind: row.kind,
        key: key(row.kind),
        keys: 0..keys,
        element: FIELD,
        elements,
    }
}

/// The names of keys: short ones, as the key's bytes count too.
fn key(kind: Kind) -> Name {
    let digits = match kind {
        Kind::Hash => 8,
        Kind::Set | Kind::IntegerSet | Kind::SortedSet | Kind::RisingSortedSet | Kind::List => 6,
    };
    Name {
        digits,
        ..kind.key()
    }
}

fn measure(context: &Context, side: &Side, collections: &Collections) -> io::Result<Vec<f64>> {
    let server = side.start()?;
    let mut client = server.client()?;
    let resident_bytes = || match context.options.quick {
        true => server.resident_bytes(),
        false => server.settled_resident_bytes(),
    };
    let empty_bytes = resident_bytes()?;
    collections.fill(&mut client)?;
    let full_bytes = resident_bytes()?;
    let used_bytes = full_bytes.saturating_sub(empty_bytes);
    Ok(vec![used_bytes as f64 / collections.total() as f64])
}
