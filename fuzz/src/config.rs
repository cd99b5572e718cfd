//! Configuration text: files, program arguments and CONFIG SET.
//!
//! 1. An error changes nothing.
//! 2. What a parameter prints is a value that sets it to the same.
//!
//! Not here: what parameters do.

use crate::source::Source;
use evenkeel::Config;
use evenkeel::config::{Access, CommandLine, ROWS};

/// Runs one input. Its first byte chooses how it is read.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let choice = source.below(3);
    let rest = source.rest();
    let mut config = Config::default();
    let result = match choice {
        0 => config
            .apply_file("x", rest)
            .map_err(|error| error.to_string()),
        1 => apply_arguments(&mut config, &words(rest)),
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
    line.apply_settings(config)
        .map_err(|error| error.to_string())
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
    for row in ROWS.iter().filter(|row| row.access != Access::Fixed) {
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
