//! Which figures of which run are drawn.
//!
//! ```text
//!  runs ─▶ of each picture: those that have its rows ─▶ most rows, then the newest ─▶ Choice
//! ```
//!
//! 1. Full runs come before smoke runs, those of a commit before those of changed sources, many
//!    rows before few, later runs before earlier ones.
//! 2. A bar is the median of the rounds; a row that one side lacks has one bar.
//!
//! Not here: how they are drawn (`chart.rs`), reading (`run.rs`).

use crate::run::{Bars, Run};
use std::fmt::Write as _;

/// A picture of one figure of a run.
pub(crate) struct Picture {
    /// Of the file, without theme and ending.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    section: &'static str,
    figure: &'static str,
    /// Columns of the two bars.
    pub(crate) sides: [&'static str; 2],
    pub(crate) is_logarithmic: bool,
    /// Which rows.
    is_shown: fn(&str) -> bool,
}

const SERVERS: [&str; 2] = ["redis", "evenkeel"];

/// All pictures of runs.
static PICTURES: [Picture; 7] = [
    Picture {
        name: "stalls",
        title: "Longest PING beside a long command, ms",
        section: "Stalls",
        figure: "Slowest PING, ms",
        sides: SERVERS,
        is_logarithmic: true,
        is_shown: |_| true,
    },
    Picture {
        name: "collection-stalls",
        title: "Longest PING beside a command on a large collection, ms",
        section: "Collections: stalls",
        figure: "Slowest PING, ms",
        sides: SERVERS,
        is_logarithmic: true,
        is_shown: |_| true,
    },
    Picture {
        name: "memory",
        title: "Resident bytes a key",
        section: "Memory",
        figure: "Resident bytes per key",
        sides: SERVERS,
        is_logarithmic: false,
        is_shown: |_| true,
    },
    Picture {
        name: "elements",
        title: "Resident bytes an element of a large collection",
        section: "Collections: memory",
        figure: "Resident bytes per element",
        sides: SERVERS,
        is_logarithmic: false,
        is_shown: |_| true,
    },
    Picture {
        name: "requests",
        title: "CPU of the server a request, µs",
        section: "Requests",
        figure: "Server CPU per request, µs",
        sides: SERVERS,
        is_logarithmic: false,
        is_shown: |_| true,
    },
    Picture {
        name: "collection-requests",
        title: "CPU of the server a request on a collection, µs",
        section: "Collections: requests",
        figure: "Server CPU per request, µs",
        sides: SERVERS,
        is_logarithmic: false,
        is_shown: |_| true,
    },
    Picture {
        name: "hits",
        title: "Hits in per cent, room for so much of a trace",
        section: "Hit ratios",
        figure: "Hits, %",
        sides: ["redis allkeys-lfu", "evenkeel"],
        is_logarithmic: false,
        is_shown: |row| row.ends_with(" 1 %") || row.ends_with(" 10 %"),
    },
];

/// A picture, the run it is drawn from, and its rows.
pub(crate) struct Choice<'a> {
    pub(crate) picture: &'static Picture,
    pub(crate) run: &'a Run,
    pub(crate) bars: Vec<Bars>,
}

impl Choice<'_> {
    /// All that a picture shows, as text.
    pub(crate) fn text(&self) -> String {
        let Picture {
            title,
            is_logarithmic,
            ..
        } = self.picture;
        let source = &self.run.source;
        let mut text = format!("{title}\n{source}\nlogarithmic: {is_logarithmic}\n");
        for bars in &self.bars {
            let _ = writeln!(text, "{} {:?}", bars.row, bars.values);
        }
        text
    }
}

/// What is drawn of these runs; a picture whose figures no run has is left out.
pub(crate) fn choices(runs: &[Run]) -> Vec<Choice<'_>> {
    PICTURES
        .iter()
        .filter_map(|picture| choice(picture, runs))
        .collect()
}

fn choice<'a>(picture: &'static Picture, runs: &'a [Run]) -> Option<Choice<'a>> {
    let with_rows = runs.iter().map(|run| {
        let mut bars = run.bars(picture.section, picture.figure, picture.sides);
        bars.retain(|bars| (picture.is_shown)(&bars.row));
        Choice { picture, run, bars }
    });
    // Of equal ones the last is taken.
    with_rows
        .filter(|choice| !choice.bars.is_empty())
        .max_by_key(|choice| {
            let run = choice.run;
            (!run.is_quick(), !run.is_dirty(), choice.bars.len())
        })
}
