//! Draws the runs of the benches as pictures and as a page, and the diagrams of the documents.
//!
//! ```text
//! benches/runs/*.jsonl ─┬▶ docs/pictures/{stalls,memory,requests,hits,…}-{light,dark}.svg
//!                       └▶ benches/RESULTS.md
//! diagrams.rs ───────────▶ docs/pictures/{ranks,turn,entry,tree}-{light,dark}.svg
//! ```
//!
//! 1. A picture names the run it comes from: of those with most rows the newest, smoke runs last.
//! 2. A bar is the median of the rounds; a row that one side lacks has one bar.
//!
//! Usage: `evenkeel-pictures RUNS PICTURES RESULTS`, two folders and a file.
//! Not here: measuring (`../side_by_side`), the look of bars (`chart.rs`), reading (`run.rs`).

mod chart;
mod diagrams;
mod results;
mod run;

use std::error::Error;
use std::path::{Path, PathBuf};

use chart::{Chart, DARK, LIGHT};
use run::Run;

/// A picture of one figure of a run.
struct Picture {
    /// Of the file, without theme and ending.
    name: &'static str,
    title: &'static str,
    section: &'static str,
    figure: &'static str,
    /// Columns of the two bars.
    sides: [&'static str; 2],
    is_logarithmic: bool,
    /// Which rows.
    is_shown: fn(&str) -> bool,
}

const SERVERS: [&str; 2] = ["redis", "evenkeel"];

const PICTURES: [Picture; 7] = [
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

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(pictures), Some(results)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: evenkeel-pictures RUNS PICTURES RESULTS".into());
    };
    let runs = read(&folder)?;
    std::fs::create_dir_all(&pictures)?;
    let mut drawn = Vec::new();
    for picture in PICTURES {
        if draw(&picture, &runs, &pictures)? {
            drawn.push((picture.name, picture.title));
        }
    }
    diagrams::draw(&pictures)?;
    std::fs::write(&results, results::page(&runs, &drawn))?;
    println!("{}", results.display());
    Ok(())
}

/// Draws a picture, if a run has its figures; whether one has.
fn draw(picture: &Picture, runs: &[Run], folder: &Path) -> Result<bool, Box<dyn Error>> {
    // The last of the greatest is taken: full runs before smoke runs, many rows before few.
    let newest = (runs.iter())
        .map(|run| {
            let mut bars = run.bars(picture.section, picture.figure, picture.sides);
            bars.retain(|bars| (picture.is_shown)(&bars.row));
            (run, bars)
        })
        .filter(|(_, bars)| !bars.is_empty())
        .max_by_key(|(run, bars)| (!run.is_quick(), bars.len()));
    let name = picture.name;
    let Some((run, bars)) = newest else {
        println!("{name}: no run has such figures; the picture stays as it is");
        return Ok(false);
    };
    for (theme, suffix) in [(LIGHT, "light"), (DARK, "dark")] {
        let chart = Chart {
            title: picture.title,
            source: &run.source,
            sides: picture.sides,
            bars: &bars,
            is_logarithmic: picture.is_logarithmic,
        };
        let target = folder.join(format!("{name}-{suffix}.svg"));
        chart.draw(&target, theme)?;
        println!("{}", target.display());
    }
    Ok(true)
}

/// The runs of a folder, in the order of their names, which begin with the date.
fn read(folder: &Path) -> Result<Vec<Run>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    files.iter().map(|path| Run::read(path)).collect()
}
