//! What keeps a server busy with collections while the probe measures: one long command, or hashes
//! that are added. Each is a child process of this program.
//!
//! ```text
//! --run-on-collections command WORD … PORT
//! --run-on-collections hashes FIRST END FIELDS PORT
//! ```
//!
//! Not here: how the child is run (`idle_child.rs`), the order of things
//! (`load_collection_stalls.rs`).

use std::io;
use std::time::Instant;

use crate::collection_fill::{Collections, ELEMENT, Kind};
use crate::idle_child;
use crate::resp_client::Client;

/// First argument of a child.
pub(crate) const CHILD_ARGUMENT: &str = "--run-on-collections";

/// Something for the server to do.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// One command, whose reply is read as fast as it comes.
    Command(Vec<String>),
    /// New hashes, as in [`hashes`].
    Hashes {
        /// Number of the first.
        first: u64,
        /// Number after the last.
        end: u64,
        /// Fields of each.
        fields: u64,
    },
}

impl Action {
    /// Runs the action in a child process and returns the seconds that it took.
    pub(crate) fn run(&self, port: u16) -> io::Result<f64> {
        let mut arguments = vec![CHILD_ARGUMENT.to_owned()];
        match self {
            Action::Command(words) => {
                arguments.push("command".to_owned());
                arguments.extend(words.iter().cloned());
            }
            Action::Hashes { first, end, fields } => {
                arguments.push("hashes".to_owned());
                arguments.extend([first, end, fields].map(u64::to_string));
            }
        }
        arguments.push(port.to_string());
        idle_child::run(&arguments)
    }

    /// The action as one line of a report.
    pub(crate) fn line(&self) -> String {
        match self {
            Action::Command(words) => {
                format!("chrt --idle 0 (this program) {}", words.join(" "))
            }
            Action::Hashes { first, end, fields } => {
                let line = hashes(0, end - first, *fields).line();
                format!("chrt --idle 0 {line}")
            }
        }
    }

    fn from_words(words: &[String]) -> Option<Action> {
        match words {
            [kind, words @ ..] if kind == "command" => Some(Action::Command(words.to_vec())),
            [kind, first, end, fields] if kind == "hashes" => Some(Action::Hashes {
                first: first.parse().ok()?,
                end: end.parse().ok()?,
                fields: fields.parse().ok()?,
            }),
            _ => None,
        }
    }

    /// Does it, in this process.
    fn perform(&self, port: u16) -> io::Result<()> {
        let mut client = Client::connect(port)?;
        match self {
            Action::Command(words) => {
                let arguments: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
                client.call(&arguments).map(drop)
            }
            Action::Hashes { first, end, fields } => {
                hashes(*first, *end, *fields).send(&mut client)
            }
        }
    }
}

/// A range of hashes with so many fields each.
pub(crate) fn hashes(first: u64, end: u64, fields: u64) -> Collections {
    Collections {
        kind: Kind::Hash,
        key: Kind::Hash.key(),
        keys: first..end,
        element: ELEMENT,
        elements: fields,
    }
}

/// The child's side of `Action::run`.
pub(crate) fn run_child(words: &[String]) -> io::Result<()> {
    let wrong = || io::Error::other("a child takes 'command' or 'hashes', their words and a port");
    let (port, words) = words.split_last().ok_or_else(wrong)?;
    let port = port.parse().map_err(io::Error::other)?;
    let action = Action::from_words(words).ok_or_else(wrong)?;
    let start = Instant::now();
    action.perform(port)?;
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}
