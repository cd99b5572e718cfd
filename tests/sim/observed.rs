//! The order in which requests were executed, as a client in MONITOR sees it.
//!
//! A request that is done in steps is shown when it takes effect: a read of a frozen state and a
//! value that is built when they begin, what is done in portions when it ends, because nobody sees
//! a part of it. So a model that executes the lines in their order has the replies that clients
//! must get, and its keys are those of the node.

use super::direct::{Direct, address};
use super::reply::Reply;

/// A client in MONITOR.
pub(crate) struct Observer {
    client: usize,
    is_begun: bool,
}

/// A request that was executed.
pub(crate) struct Executed {
    /// Whose it was.
    pub(crate) client: usize,
    /// Its words.
    pub(crate) words: Vec<String>,
}

impl Observer {
    pub(crate) fn new(direct: &mut Direct) -> Self {
        let client = direct.accept();
        direct.send(client, "MONITOR");
        direct.settle();
        Self {
            client,
            is_begun: false,
        }
    }

    /// What was executed since the last call, as far as it was taken.
    pub(crate) fn executed(&mut self, direct: &mut Direct) -> Vec<Executed> {
        direct.take(self.client, usize::MAX);
        let lines = direct.replies(self.client);
        let mut lines = lines.into_iter();
        if !self.is_begun {
            assert_eq!(lines.next(), Some(Reply::Line("+OK".into())));
            self.is_begun = true;
        }
        lines
            .map(|line| read(&line, direct.client_count()))
            .collect()
    }
}

/// Reads `+1700000000.000000 [0 client:3] "sadd" "k" "e"`; no word needs to be quoted.
fn read(line: &Reply, client_count: usize) -> Executed {
    let Reply::Line(line) = line else {
        panic!("a monitor is shown lines, not {line:?}");
    };
    let (head, words) = line.split_once("] ").unwrap_or_else(|| panic!("{line}"));
    let (_, shown) = head.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let client = (0..client_count).find(|&client| address(client) == shown);
    let words = words.trim_matches('"').split("\" \"").map(str::to_owned);
    Executed {
        client: client.unwrap_or_else(|| panic!("{line}")),
        words: words.collect(),
    }
}
