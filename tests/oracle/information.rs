//! The fields of INFO: those of redis-server, in its order and its forms, and any of our own
//! between.
//!
//! Values differ, and the lists of commands, errors and databases come from what was called; the
//! way those are written is tested in `tests/server/tools/exporter.rs`.

use crate::support::client::Client;
use crate::{Addresses, servers};

/// Sections whose fields do not depend on what was done before.
const SECTIONS: [&str; 8] = [
    "server",
    "clients",
    "memory",
    "persistence",
    "stats",
    "replication",
    "cpu",
    "cluster",
];

/// Fields that are left out on purpose; rows of `docs/DIFFERENCES.md`.
const LEFT_OUT: [&str; 2] = ["atomicvar_api", "gcc_version"];

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Integer,
    /// With so many digits behind the point.
    Decimals(usize),
    Percent,
    Text,
}

fn form(value: &str) -> Form {
    let is_number = value.parse::<f64>().is_ok();
    if value.parse::<i64>().is_ok() {
        Form::Integer
    } else if let (true, Some((_, decimals))) = (is_number, value.split_once('.')) {
        Form::Decimals(decimals.len())
    } else if value.ends_with('%') {
        Form::Percent
    } else {
        Form::Text
    }
}

/// Header lines and the names of fields, each with the form of its value.
fn outline(text: &str) -> Vec<(String, Form)> {
    text.split("\r\n")
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once(':') {
            Some((name, value)) => (name.to_owned(), form(value)),
            None => (line.to_owned(), Form::Text),
        })
        .collect()
}

/// What of the reference is missing in the subject, stands elsewhere or is written otherwise: the
/// first such line.
fn difference(subject: &str, reference: &str) -> Option<String> {
    let subject = outline(subject);
    let mut at = 0;
    for (name, form) in outline(reference) {
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        match subject[at..].iter().position(|line| line.0 == name) {
            Some(offset) if subject[at + offset].1 == form => at += offset + 1,
            Some(offset) => {
                return Some(format!(
                    "{name} is {:?}, not {form:?}",
                    subject[at + offset].1
                ));
            }
            None => return Some(format!("{name} is missing or out of order")),
        }
    }
    None
}

fn information(addresses: &Addresses, sections: &[&str]) -> [String; 2] {
    let words = [&["INFO"], sections].concat();
    [&addresses.subject, &addresses.reference]
        .map(|address| Client::connect(address).call(&words).text())
}

#[test]
fn fields_of_information_are_those_of_redis_in_its_order() {
    let Some(servers) = servers() else { return };
    for section in SECTIONS {
        let [subject, reference] = information(&servers.addresses, &[section]);
        assert_eq!(difference(&subject, &reference), None, "{section}");
    }
    for sections in [
        &[][..],
        &["all"],
        &["everything"],
        &["cpu", "server", "nosuch"],
    ] {
        let headers = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with('#'));
            lines.map(str::to_owned).collect()
        };
        let [subject, reference] = information(&servers.addresses, sections);
        assert_eq!(headers(&subject), headers(&reference), "{sections:?}");
    }
}

#[test]
fn a_field_that_is_missing_misplaced_or_of_another_form_is_noticed() {
    let reference = "# A\r\na:1\r\nb:1.50\r\ngcc_version:1\r\n";
    let checked = |subject| difference(subject, reference);
    assert_eq!(checked("# A\r\na:2\r\nown:x\r\nb:0.25\r\n"), None);
    let missing = Some("b is missing or out of order".to_owned());
    assert_eq!(checked("# A\r\na:1\r\n"), missing);
    assert_eq!(checked("# A\r\nb:1.00\r\na:1\r\n"), missing);
    let otherwise = checked("# A\r\na:1\r\nb:1\r\n");
    assert_eq!(otherwise.as_deref(), Some("b is Integer, not Decimals(2)"));
}
