//! What must hold for every row of the table.

use std::collections::HashSet;

use super::row::find;
use super::*;

fn set(row: &Row, word: &str) -> Result<Config, BadValue> {
    let mut config = Config::default();
    row.set(&mut config, &[word.as_bytes()]).map(|()| config)
}

#[test]
fn every_default_parses_and_prints_back_to_itself() {
    let defaults = Config::default();
    for row in ROWS {
        assert_eq!(
            set(row, row.default).as_ref(),
            Ok(&defaults),
            "{}",
            row.name
        );
        let printed = String::from_utf8(row.get(&defaults)).unwrap();
        assert_eq!(set(row, &printed).as_ref(), Ok(&defaults), "{}", row.name);
        if !matches!(row.kind, Kind::Memory { .. } | Kind::OutputLimits) {
            assert_eq!(printed, row.default, "{}", row.name);
        }
    }
}

#[test]
fn every_name_is_unique_lower_case_and_found() {
    let mut seen = HashSet::new();
    for row in every_row() {
        for name in row.names() {
            // A parameter that gets a row of its own loses the one in without_effect.rs.
            assert!(seen.insert(name), "{name} is there twice");
            assert_eq!(name, name.to_ascii_lowercase());
            let found = find(every_row(), name.to_ascii_uppercase().as_bytes()).unwrap();
            assert_eq!(found.name, row.name);
        }
    }
    assert!(find(every_row(), b"").is_none());
}

/// What clients, exporters and consoles ask for by name when they connect.
#[test]
fn what_tools_ask_for_is_answered() {
    let names = "databases timeout maxclients maxmemory maxmemory-policy \
        client-output-buffer-limit replica-read-only slave-read-only io-threads save appendonly \
        dir dbfilename notify-keyspace-events slowlog-log-slower-than slowlog-max-len \
        hash-max-ziplist-entries hash-max-listpack-entries set-max-intset-entries \
        zset-max-ziplist-entries";
    for name in names.split_whitespace() {
        let found = Config::default().matching(&[name.as_bytes()]);
        assert_eq!(found.len(), 1, "{name}");
    }
}

#[test]
fn every_parameter_without_effect_has_a_default_and_keeps_it_or_a_value() {
    let defaults = Config::default();
    for row in WITHOUT_EFFECT {
        let printed = row.get(&defaults);
        let mut config = Config::default();
        row.set(&mut config, &[&printed]).expect(row.name);
        assert_eq!(config, defaults, "{}", row.name);
        let is_kept = matches!(row.access, Access::Kept | Access::KeptHidden);
        assert!(is_kept || row.is_absent(), "{}", row.name);
    }
    let mut config = Config::default();
    config
        .apply_file("a", b"hz 20\nappendonly yes\nhz x")
        .unwrap();
    let pairs = config.matching(&[b"hz", b"appendonly"]);
    let values: Vec<_> = pairs.iter().map(|(_, value)| value.as_slice()).collect();
    assert_eq!(values, [&b"no"[..], b"20"]);
    config.apply_file("a", b"hz 10").unwrap();
    assert_eq!(config, defaults);
}

#[test]
fn every_row_is_documented_in_plain_paragraphs() {
    for row in ROWS {
        assert!(row.doc().ends_with('.'), "{}", row.name);
        assert!(!row.doc().contains(['\n', '[']), "{}", row.name);
        assert!(!row.kind.description().is_empty(), "{}", row.name);
    }
    for group in Group::ALL {
        assert!(
            ROWS.iter().any(|row| row.group == group),
            "{}",
            group.title()
        );
    }
}

#[test]
fn every_range_ends_where_its_row_says() {
    for row in ROWS {
        let (min, max) = match row.kind {
            Kind::Integer { min, max } => (i128::from(min), i128::from(max)),
            Kind::Memory {
                min_bytes,
                max_bytes,
            } => (min_bytes.into(), max_bytes.into()),
            _ => continue,
        };
        for inside in [min, max] {
            let text = inside.to_string();
            let config = set(row, &text).expect(row.name);
            assert_eq!(row.get(&config), text.as_bytes(), "{}", row.name);
        }
        for outside in [min - 1, max + 1] {
            let error = set(row, &outside.to_string()).expect_err(row.name);
            let out_of_range = error == BadValue::OutOfRange { min, max };
            let unreadable = matches!(error, BadValue::NotInteger | BadValue::NotMemory);
            let is_readable = outside >= 0 && outside <= i64::MAX.into();
            assert!(
                out_of_range || (unreadable && !is_readable),
                "{} {outside}",
                row.name
            );
        }
    }
}

#[test]
fn every_choice_prints_as_it_is_listed() {
    for row in ROWS {
        let Kind::Choice(names) = row.kind else {
            continue;
        };
        for name in names {
            let config = set(row, &name.to_ascii_uppercase()).unwrap();
            assert_eq!(row.get(&config), name.as_bytes(), "{}", row.name);
        }
        assert_eq!(
            set(row, "nosuch"),
            Err(BadValue::NotListed(names)),
            "{}",
            row.name
        );
    }
}

#[test]
fn no_row_takes_missing_or_surplus_words() {
    for row in ROWS {
        let mut config = Config::default();
        let nothing = row.set(&mut config, &[]);
        if row.kind == Kind::SavePoints || row.name == "replicaof" {
            assert_eq!(nothing, Ok(()), "none of {}", row.name);
        } else {
            assert_eq!(nothing, Err(BadValue::WrongCount), "{}", row.name);
        }
        let takes_several = matches!(
            row.kind,
            Kind::Words { .. } | Kind::SavePoints | Kind::OutputLimits | Kind::Rename
        );
        if !takes_several {
            let default = row.default.as_bytes();
            let two = row.set(&mut config, &[default, default]);
            assert_eq!(two, Err(BadValue::WrongCount), "{}", row.name);
        }
    }
}

#[test]
fn debug_output_hides_passwords() {
    let config = Config {
        requirepass: b"hunter2".to_vec(),
        ..Config::default()
    };
    let text = format!("{config:?}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(text.contains("requirepass: \"(hidden)\""), "{text}");
    assert!(text.contains("port: \"6379\""), "{text}");
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;
    use crate::config::NoFiles;

    /// Texts that are odd in a file: spaces, quotes, line ends, zeros, no UTF-8.
    fn odd_text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b" ".to_vec()),
            Just(b"  ".to_vec()),
            Just(b"\"".to_vec()),
            Just(b"'".to_vec()),
            Just(b"\\".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\t\x0b\0".to_vec()),
            Just(b"#".to_vec()),
            Just(b"\xff".to_vec()),
            Just(b"0".to_vec()),
            Just(b"12 34".to_vec()),
            Just(b"a%b".to_vec()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_config_set_takes_can_be_written_and_read_again(text in odd_text()) {
            for row in every_row() {
                let mut config = Config::default();
                if config.set(&[row.name.as_bytes(), &text]).is_err() {
                    continue;
                }
                let written = config.rewritten(b"a.conf", b"", &mut NoFiles);
                let written = written.map_err(|error| error.to_string());
                let written = written.expect("what was taken can be written");
                let mut again = Config::default();
                again.apply_file("a.conf", &written).expect("what was written can be read");
                prop_assert_eq!(&again, &config, "{}", row.name);
            }
        }

        #[test]
        fn text_from_outside_never_panics(
            lines in prop::collection::vec(
                (0..ROWS.len(), prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        ) {
            let mut text = Vec::new();
            for (index, value) in &lines {
                let row = &ROWS[*index];
                text.extend_from_slice(row.name.as_bytes());
                text.push(b' ');
                text.extend_from_slice(value);
                text.push(b'\n');
                let _ = Config::default().set(&[row.name.as_bytes(), value]);
                let _ = Config::default().matching(&[value]);
            }
            let mut config = Config::default();
            if config.apply_file("any", &text).is_err() {
                prop_assert_eq!(&config, &Config::default());
            }
            // What was accepted prints to text that is accepted again.
            // A rename adds to those before, so printing it again would add it again.
            for row in ROWS.iter().filter(|row| row.kind != Kind::Rename) {
                let printed = row.get(&config);
                let mut again = config.clone();
                prop_assert_eq!(row.set(&mut again, &[&printed]), Ok(()));
                prop_assert_eq!(&again, &config);
            }
        }
    }
}

/// The longest texts in all parameters at once are still a file that can be read.
#[test]
fn the_longest_configuration_fits_into_its_file() {
    let mut config = Config::default();
    let longest = [0xff; 4096];
    for row in every_row() {
        _ = config.set(&[row.name.as_bytes(), &longest]);
        let longer = [0xff; 4097];
        if row.is_mutable() {
            let error = config.set(&[row.name.as_bytes(), &longer]);
            assert!(error.is_err(), "{}", row.name);
        }
    }
    assert_eq!(config.requirepass, longest);
    let written = config
        .rewritten(b"a.conf", b"", &mut crate::config::NoFiles)
        .expect("it can be written");
    assert!(written.len() < 1 << 20, "{}", written.len());
}
