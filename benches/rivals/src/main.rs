//! `evenkeel::Cache` beside the caches that Rust programs embed, in one process.
//!
//! ```text
//!  rival.rs   one trait, an implementation a cache ─┬─▶ times.rs    reads, writes, mixed, with eviction
//!                                                   ├─▶ memory.rs   resident bytes a key, in a child
//!                                                   └─▶ hits.rs     hit ratio on traces
//!  record.rs  Markdown on the terminal, lines of JSON in benches/runs
//! ```
//!
//! 1. All take keys and values of the same bytes, and room for as many entries. The rivals count
//!    entries; evenkeel counts bytes, and gets as many as that many entries take in it.
//! 2. Every cache comes with the hasher and the settings of its `new`.
//! 3. The caches alternate within each round, so that what disturbs the machine disturbs all.
//!
//! Usage: `evenkeel-rivals [--quick] [--rounds N] [--traces DIR] [--record]`, or for a profiler
//! `--load NAME [--cache NAME]`; `make bench-rivals`.
//! Not here: servers (`../side_by_side`), eviction policies by themselves (`../hit_ratio`).

mod hits;
mod memory;
mod record;
mod rival;
mod times;
#[allow(dead_code, reason = "shared with ../hit_ratio, which uses all of it")]
#[path = "../../hit_ratio/trace.rs"]
mod trace;

use record::Run;
use rival::RIVALS;
use std::error::Error;
use std::path::PathBuf;

/// What was asked for on the command line.
pub(crate) struct Options {
    is_quick: bool,
    rounds: usize,
    traces: Option<PathBuf>,
    is_recorded: bool,
    /// Only this load is timed, and only of this cache, as for a profiler.
    load: Option<String>,
    cache: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options {
        is_quick: false,
        rounds: 3,
        traces: None,
        is_recorded: false,
        load: None,
        cache: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--quick" => options.is_quick = true,
            "--record" => options.is_recorded = true,
            "--rounds" => options.rounds = value()?.parse()?,
            "--load" => options.load = Some(value()?),
            "--cache" => options.cache = Some(value()?),
            "--traces" => options.traces = Some(value()?.into()),
            memory::CHILD => return memory::child(&value()?, &value()?),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let mut run = Run::default();
    for round in 0..options.rounds.max(1) {
        eprintln!("round {}", round + 1);
        times::measure(&options, &mut run);
        if options.load.is_none() {
            memory::measure(&options, &mut run)?;
        }
    }
    if options.load.is_none() {
        hits::measure(&options, &mut run)?;
    }
    println!("{}", run.markdown(&RIVALS));
    if options.is_recorded {
        println!("{}", run.write(&RIVALS)?.display());
    }
    Ok(())
}
