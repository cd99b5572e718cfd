//! Configuration text: files that include each other, program arguments, CONFIG SET and REWRITE.
//!
//! 1. An error changes nothing, and is one line.
//! 2. What a parameter prints is a value that sets it to the same.
//! 3. Reading ends, however files include each other.
//! 4. A file that was rewritten says what is in force, and need not be rewritten again.
//!
//! Not here: what parameters do.

use crate::source::Source;
use evenkeel::Config;
use evenkeel::config::{Access, CommandLine, Files, NoFiles, ROWS, Row};

/// Files called `0`, `1` and so on.
#[derive(Clone)]
struct Given<'a>(Vec<&'a [u8]>);

impl Files for Given<'_> {
    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String> {
        let index = str::from_utf8(path).ok().and_then(|path| path.parse().ok());
        let file = index.and_then(|index: usize| self.0.get(index));
        Ok(file.ok_or("there is no such file")?.to_vec())
    }

    fn names(&mut self, _path: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let names = (0..self.0.len()).map(|index| index.to_string().into_bytes());
        Ok(names.collect())
    }
}

/// Runs one input. Its first byte chooses how it is read.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let choice = source.below(4);
    let rest = source.rest();
    let mut config = Config::default();
    let result = match choice {
        0 => config
            .apply_file("x", rest)
            .map(drop)
            .map_err(|error| error.to_string()),
        1 => apply_arguments(&mut config, &words(rest)),
        3 => apply_files(&mut config, Given(words(rest))),
        _ => set(&mut config, &words(rest)),
    };
    match result {
        Ok(()) => prints_what_it_reads(&config),
        Err(text) => {
            assert_eq!(
                config,
                Config::default(),
                "an error changes nothing: {text}"
            );
            assert!(!text.contains(['\r', '\n']), "an error is one line: {text}");
        }
    }
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == 0).collect()
}

fn apply_arguments(config: &mut Config, arguments: &[&[u8]]) -> Result<(), String> {
    let line = CommandLine::parse(arguments).map_err(|error| error.to_string())?;
    line.apply_options(config, &mut NoFiles)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Reads the first file, then lets another configuration be written to it.
fn apply_files(config: &mut Config, mut files: Given) -> Result<(), String> {
    let text = files.0[0];
    let notes = config
        .apply_files(b"0", text, &mut files)
        .map_err(|error| error.to_string())?;
    assert!(!notes.warning().is_some_and(|text| text.contains('\n')));
    let unchanged = config.rewritten(b"0", text, &mut files);
    assert_eq!(unchanged.as_deref(), Ok(text));
    let mut other = config.clone();
    other
        .set(&[
            b"save",
            b"7 7",
            b"timeout",
            b"77",
            b"hz",
            b"77",
            b"requirepass",
            b" \"\n",
        ])
        .expect("these are values");
    let written = other
        .rewritten(b"0", text, &mut files)
        .expect("a file that was read can be rewritten");
    let mut again = Config::default();
    again
        .apply_files(b"0", &written, &mut files)
        .expect("what was written can be read");
    assert_eq!(again, other);
    let second = again.rewritten(b"0", &written, &mut files);
    assert_eq!(second, Ok(written));
    Ok(())
}

fn set(config: &mut Config, arguments: &[&[u8]]) -> Result<(), String> {
    config.matching(arguments);
    match config.set(arguments) {
        Ok(rows) => {
            assert_eq!(rows.len() * 2, arguments.len());
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn prints_what_it_reads(config: &Config) {
    let printed = config.matching(&[b"*"]);
    let is_fixed = |row: &&Row| matches!(row.access, Access::Fixed | Access::FixedSecret);
    for row in ROWS.iter().filter(|row| !is_fixed(row)) {
        let (_, value) = (printed.iter().find(|(name, _)| name == row.name))
            .expect("every parameter matches the pattern");
        let mut again = config.clone();
        let result = again.set(&[row.name.as_bytes(), value]);
        assert!(
            result.is_ok(),
            "{} refuses {}",
            row.name,
            value.escape_ascii()
        );
        assert_eq!(&again, config, "{}", row.name);
    }
}
