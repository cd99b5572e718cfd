//! Arguments after `cargo bench --bench hit_ratio --`.
//!
//! ```text
//! --traces DIR        play its *.gz too            --servers           servers instead of policies
//! --row NAME          only traces so named         --redis-only        without evenkeel
//! --seed N            of the generated traces      --evenkeel-binary PATH
//! --predict           sizes said and measured      --evenkeel-args "…" beside port and limit
//! --collections       hashes, lists, sets and sorted sets of the same sizes, with servers
//! ```
//!
//! Not here: what they do (`main.rs`, `servers.rs`).

use std::path::PathBuf;

/// Arguments beside `--port` and `--maxmemory`.
const EVENKEEL_ARGUMENTS: &str = "--maxmemory-policy allkeys-lru";

pub(crate) struct Options {
    pub(crate) traces: Option<PathBuf>,
    pub(crate) row: String,
    pub(crate) seed: u64,
    pub(crate) plays_servers: bool,
    /// Whether servers are given collections instead of strings.
    pub(crate) has_collections: bool,
    pub(crate) evenkeel_binary: PathBuf,
    pub(crate) evenkeel_arguments: Vec<String>,
    /// Whether hits at other sizes are predicted instead.
    pub(crate) predicts: bool,
    /// Whether evenkeel is played too.
    pub(crate) plays_evenkeel: bool,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: &mut dyn Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            traces: None,
            row: String::new(),
            seed: 1,
            plays_servers: false,
            has_collections: false,
            predicts: false,
            evenkeel_binary: PathBuf::from(env!("CARGO_BIN_EXE_evenkeel")),
            evenkeel_arguments: words(EVENKEEL_ARGUMENTS),
            plays_evenkeel: true,
        };
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--traces" => options.traces = Some(PathBuf::from(value()?)),
                "--row" => options.row = value()?,
                "--seed" => {
                    let text = value()?;
                    let seed = text.parse().ok();
                    options.seed = seed.ok_or(format!("--seed takes a number, not '{text}'"))?;
                }
                "--servers" => options.plays_servers = true,
                "--collections" => options.has_collections = true,
                "--predict" => options.predicts = true,
                "--redis-only" => options.plays_evenkeel = false,
                "--evenkeel-binary" => options.evenkeel_binary = PathBuf::from(value()?),
                "--evenkeel-args" => options.evenkeel_arguments = words(&value()?),
                _ => return Err(format!("unknown option {name}")),
            }
        }
        Ok(options)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_string).collect()
}
