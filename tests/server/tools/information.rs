//! INFO and CLIENT LIST taken apart, as all tools do it.
//!
//! Not here: which fields they want (`exporter.rs`).

use std::collections::HashMap;

use crate::support::client::Client;
use crate::support::value::Value;

/// The fields of one INFO answer with the sections they stand in.
pub(crate) struct Information {
    text: String,
    fields: HashMap<String, (String, String)>,
}

impl Information {
    /// Asks for `INFO section` and reads it; panics if a line is none.
    pub(crate) fn of(client: &mut Client, section: &str) -> Information {
        let text = client.line(&format!("INFO {section}")).text();
        Information::parse(&text).unwrap_or_else(|line| panic!("no line of INFO: {line:?}"))
    }

    /// Reads the text of an answer; the first line that is none is the error.
    pub(crate) fn parse(text: &str) -> Result<Information, String> {
        let mut fields = HashMap::new();
        let mut section = None;
        for line in text.split_terminator("\r\n") {
            if let Some(name) = line.strip_prefix("# ") {
                section = Some(name.to_owned());
            } else if !line.is_empty() {
                let (name, value) = line.split_once(':').ok_or(line)?;
                let section = section.clone().ok_or(line)?;
                let is_new = fields
                    .insert(name.to_owned(), (section, value.to_owned()))
                    .is_none();
                if !is_new || line.contains(['\r', '\n']) {
                    return Err(line.to_owned());
                }
            }
        }
        Ok(Information {
            text: text.to_owned(),
            fields,
        })
    }

    /// The whole answer.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text of a field; panics with its name if it is missing.
    pub(crate) fn field(&self, name: &str) -> &str {
        &self.fields.get(name).unwrap_or_else(|| panic!("{name}")).1
    }

    /// A field that must be a whole number.
    pub(crate) fn integer(&self, name: &str) -> i64 {
        self.number(name)
    }

    /// A field that must be a number, as `strconv.ParseFloat` takes it.
    pub(crate) fn float(&self, name: &str) -> f64 {
        self.number(name)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> T {
        let value = self.field(name);
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {value:?}"))
    }

    /// The names and values of a section's fields, in no order.
    pub(crate) fn section(&self, section: &str) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .filter(move |(_, (of, _))| of == section)
            .map(|(name, (_, value))| (name.as_str(), value.as_str()))
    }
}

/// `a=1,b=2` as names and values in their order; the first part without exactly one `=` is the
/// error.
pub(crate) fn pairs(text: &str, separator: char) -> Result<Vec<(&str, &str)>, String> {
    text.split(separator)
        .map(|part| match part.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.contains('=') => Ok((name, value)),
            _ => Err(part.to_owned()),
        })
        .collect()
}

/// Names and values of a flat array or map of texts.
pub(crate) fn text_map(reply: &Value) -> HashMap<String, String> {
    assert!(reply.members().len().is_multiple_of(2), "{reply:?}");
    reply
        .members()
        .chunks(2)
        .map(|pair| (pair[0].text(), pair[1].text()))
        .collect()
}

#[test]
fn what_is_no_information_is_refused() {
    let wrong = |text: &str| Information::parse(text).err();
    assert_eq!(wrong("# Server\r\na:1\r\n\r\n# B\r\nb:x:y\r\n"), None);
    assert_eq!(wrong("# Server\r\na\r\n").as_deref(), Some("a"));
    assert_eq!(wrong("# A\r\na:1\r\na:2\r\n").as_deref(), Some("a:2"));
    assert_eq!(wrong("# A\r\na:1\nb:2\r\n").as_deref(), Some("a:1\nb:2"));
    assert_eq!(wrong("a:1\r\n").as_deref(), Some("a:1"));
    assert_eq!(pairs("a=1,b=", ','), Ok(vec![("a", "1"), ("b", "")]));
    assert_eq!(pairs("a=1,b", ','), Err("b".to_owned()));
    assert_eq!(pairs("a=1=2", ','), Err("a=1=2".to_owned()));
}
