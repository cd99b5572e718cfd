//! The fields of INFO in the order they are listed: those with a life, and the constant ones.
//!
//! ```text
//!  table.rs     a    b         c
//!  constant.rs     x   y z        w
//!  fields       a  x b y z     c  w
//! ```
//!
//! Cost: linear in the rows of both tables.
//!
//! Not here: the rows (`table.rs`, `constant.rs`), and who writes them down (`info.rs`, `docs.rs`).

use super::constant::{CONSTANTS, Group};
use super::{InfoSource, MetricRow, ROWS, Section, Unit, Value};

/// One field of INFO.
#[cfg_attr(not(feature = "internals"), allow(dead_code))]
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// One sentence for users.
    pub(super) doc: &'static str,
    /// Whether CONFIG RESETSTAT sets it back to zero.
    pub(super) is_reset: bool,
    origin: Origin,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    Live(&'static MetricRow),
    Constant(Value<'static>),
}

impl Field {
    /// The value at the moment.
    pub(super) fn value<'a>(&self, source: &'a InfoSource<'a>) -> Value<'a> {
        match self.origin {
            Origin::Live(row) => (row.value)(source),
            Origin::Constant(value) => value,
        }
    }
}

/// The fields of a section.
pub(super) fn fields(section: Section) -> Vec<Field> {
    let groups = CONSTANTS.iter().filter(|group| group.section == section);
    let mut groups = groups.peekable();
    let mut fields = Vec::new();
    let mut push_constants = |fields: &mut Vec<Field>, after: &str| {
        while let Some(group) = groups.next_if(|group| group.after == after) {
            fields.extend(fields_of(group));
        }
    };
    push_constants(&mut fields, "");
    for row in ROWS.iter().filter(|row| row.section == section) {
        fields.push(Field {
            name: row.name,
            unit: row.unit,
            doc: row.doc,
            is_reset: row.reset.is_some(),
            origin: Origin::Live(row),
        });
        push_constants(&mut fields, row.name);
    }
    fields
}

fn fields_of(group: &'static Group) -> impl Iterator<Item = Field> {
    group.rows.iter().flat_map(|row| {
        row.names.iter().map(|&name| Field {
            name,
            unit: row.unit,
            doc: row.doc,
            is_reset: false,
            origin: Origin::Constant(row.value),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn all_fields() -> Vec<Field> {
        Section::ALL.into_iter().flat_map(fields).collect()
    }

    #[test]
    fn every_constant_finds_its_place() {
        let names: HashSet<&str> = all_fields().iter().map(|field| field.name).collect();
        let constants = CONSTANTS.iter().flat_map(|group| group.rows);
        for name in constants.flat_map(|row| row.names) {
            assert!(
                names.contains(name),
                "{name} follows a field that comes before"
            );
        }
    }

    #[test]
    fn every_field_is_unique_documented_and_well_named() {
        let mut seen = HashSet::new();
        for field in all_fields() {
            let name = field.name;
            assert!(seen.insert(name), "{name} is there twice");
            assert!(field.doc.ends_with('.'), "{name}");
            let is_name = |byte: u8| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte);
            assert!(name.bytes().all(is_name), "{name}");
            if name.ends_with("_usec") {
                assert_eq!(field.unit, Unit::Microseconds, "{name}");
            }
        }
    }
}
