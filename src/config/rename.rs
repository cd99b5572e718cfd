//! The value of `rename-command`: pairs of a command's name and what it is to be called instead.
//!
//! ```text
//! rename-command CONFIG b840fc02        each line adds a pair
//! rename-command FLUSHALL ""            nobody may call it
//! rename-command ""                     forgets those before
//! ```
//!
//! Not here: whether there is such a command (`command/declare/names.rs`).

use super::error::BadValue;
use super::kind::{Kind, ParameterValue};
use super::text;

/// A command and its new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Its name so far.
    pub from: Vec<u8>,
    /// Its name from now on; empty if nobody may call it.
    pub to: Vec<u8>,
}

impl ParameterValue for Vec<Rename> {
    fn parse(kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        let mut renames = Vec::new();
        Self::update(&mut renames, kind, words)?;
        Ok(renames)
    }

    fn update(&mut self, _kind: &Kind, words: &[&[u8]]) -> Result<(), BadValue> {
        match words {
            [b""] => self.clear(),
            [from, to] => self.push(Rename {
                from: from.to_vec(),
                to: to.to_vec(),
            }),
            _ => return Err(BadValue::WrongCount),
        }
        Ok(())
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        let mut text = Vec::new();
        for Rename { from, to } in self {
            let to = if to.is_empty() { b"\"\"" } else { &to[..] };
            let gap: &[u8] = if text.is_empty() { b"" } else { b" " };
            text.extend_from_slice(&[gap, from, b" ", to].concat());
        }
        text
    }

    fn file_values(&self, _kind: &Kind) -> Vec<Vec<u8>> {
        let renames = self.iter();
        renames
            .map(|Rename { from, to }| {
                let [from, to] = [from, to].map(|name| text::written(name, false));
                [from, to].join(&b' ')
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::row::find;
    use crate::config::{Config, ROWS};

    #[test]
    fn each_line_adds_a_pair() {
        let mut config = Config::default();
        let text = b"rename-command CONFIG b840\nrename-command FLUSHALL \"\"\n";
        config.apply_file("evenkeel.conf", text).unwrap();
        assert_eq!(config.rename_command.len(), 2);
        assert_eq!(config.rename_command[0].from, b"CONFIG");
        assert_eq!(config.rename_command[0].to, b"b840");
        assert_eq!(config.rename_command[1].to, b"");
        config
            .apply_file("more.conf", b"rename-command \"\"")
            .unwrap();
        assert_eq!(config, Config::default());
        for bad in ["rename-command CONFIG", "rename-command a b c"] {
            let error = config.apply_file("a", bad.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("wrong number of arguments"));
        }
    }

    #[test]
    fn lines_of_a_file_say_all_pairs() {
        let mut config = Config::default();
        let text = b"rename-command CONFIG \"b8 40\"\nrename-command FLUSHALL \"\"";
        config.apply_file("a", text).unwrap();
        let row = find(ROWS, b"rename-command").expect("it is a parameter");
        assert_eq!(row.file_lines(&config).join(&b'\n'), text);
    }

    #[test]
    fn clients_cannot_learn_or_change_the_names() {
        let mut config = Config::default();
        config
            .apply_file("a", b"rename-command CONFIG b840")
            .unwrap();
        let patterns: [&[u8]; 2] = [b"*", b"rename-command"];
        let shown = config.matching(&patterns);
        assert!(shown.iter().all(|(name, _)| name != "rename-command"));
        let error = config.set(&[b"rename-command", b"get g"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Unknown option or number of arguments for CONFIG SET - 'rename-command'"
        );
        assert!(!format!("{config:?}").contains("b840"));
    }
}
