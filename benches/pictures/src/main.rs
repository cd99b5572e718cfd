//! Draws a run of `benches/side_by_side` as pictures for README and the documents.
//!
//! ```text
//! benches/runs/<run>.jsonl ──▶ docs/pictures/{stalls,memory,requests}-{light,dark}.svg
//! ```
//!
//! 1. A picture names the run it comes from, and is drawn only of figures that the run has.
//! 2. A bar is the median of the rounds; a row that one side lacks has one bar.
//!
//! Usage: `evenkeel-pictures RUNS PICTURES`, two folders; the newest file of RUNS is drawn.
//! Not here: measuring (`../side_by_side`), the look of bars (`chart.rs`), reading (`run.rs`).

mod chart;
mod run;

use std::error::Error;
use std::path::{Path, PathBuf};

use chart::{Chart, DARK, LIGHT};
use run::Run;

/// A picture: file name, title, figures it shows, whether the axis is logarithmic.
const PICTURES: [(&str, &str, &[&str], bool); 3] = [
    (
        "stalls",
        "Longest PING beside a long command, ms",
        &["Slowest PING, ms"],
        true,
    ),
    (
        "memory",
        "Resident bytes a key, and an element",
        &["Resident bytes per key", "Resident bytes per element"],
        false,
    ),
    (
        "requests",
        "CPU of the server a request, µs",
        &["Server CPU per request, µs"],
        false,
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(runs), Some(pictures)) = (arguments.next(), arguments.next()) else {
        return Err("usage: evenkeel-pictures RUNS PICTURES".into());
    };
    let path = newest(&runs)?;
    let run = Run::read(&path)?;
    std::fs::create_dir_all(&pictures)?;
    for (name, title, figures, is_logarithmic) in PICTURES {
        let bars = run.bars(figures);
        if bars.is_empty() {
            println!("{name}: the run has no such figures; the picture stays as it is");
            continue;
        }
        for (theme, suffix) in [(LIGHT, "light"), (DARK, "dark")] {
            let chart = Chart {
                title,
                source: &run.source,
                bars: &bars,
                is_logarithmic,
            };
            let target = pictures.join(format!("{name}-{suffix}.svg"));
            chart.draw(&target, theme)?;
            println!("{}", target.display());
        }
    }
    Ok(())
}

/// The file whose name, which begins with the date, is the last.
fn newest(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            files.push(path);
        }
    }
    files
        .into_iter()
        .max()
        .ok_or_else(|| format!("no run in {}", folder.display()).into())
}
