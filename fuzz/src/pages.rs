//! Any bytes at `http-port`, in any pieces.
//!
//! 1. Nothing panics; a page takes 8 KiB at most without having answered.
//! 2. Every answer begins as one of HTTP, and what is answered does not depend on the pieces.
//! 3. A page that has ended takes nothing any more.
//!
//! Not here: the protocol's own port (`node.rs`, `parser.rs`).

use crate::source::Source;
use evenkeel::node::{Node, PageId};
use evenkeel::session::{Peer, Transport};
use evenkeel::{Config, Timestamp};

const HEAD_BYTES_MAX: usize = 8 * 1024;
const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

/// Runs one input.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let has_password = source.byte() & 1 == 1;
    let is_stranger = source.byte() & 1 == 1;
    let piece_bytes = 1 + source.below(64);
    let sent = source.rest();
    let mut outcomes = [piece_bytes, HEAD_BYTES_MAX].map(|piece_bytes| {
        let mut page = Page::open(has_password, is_stranger);
        page.run(sent, piece_bytes)
    });
    let [in_pieces, at_once] = &mut outcomes;
    // A fault may be noticed sooner when what follows is there, too; what came before is the same.
    let common = in_pieces.len().min(at_once.len());
    assert_eq!(in_pieces[..common], at_once[..common]);
    assert!(in_pieces.len().abs_diff(at_once.len()) <= 1);
}

struct Page {
    node: Node,
    id: PageId,
    is_closed: bool,
}

impl Page {
    fn open(has_password: bool, is_stranger: bool) -> Self {
        let config = Config {
            hash_seed: 1,
            requirepass: if has_password {
                b"x".to_vec()
            } else {
                Vec::new()
            },
            ..Config::default()
        };
        let mut node = Node::new(config, NOW);
        let peer = Peer {
            address: if is_stranger {
                "192.0.2.1:1"
            } else {
                "127.0.0.1:1"
            }
            .into(),
            transport: Transport::Tcp,
            ..Peer::embedded()
        };
        let id = node.page_accepted(&peer, NOW).expect("it is the only one");
        Self {
            node,
            id,
            is_closed: false,
        }
    }

    /// Sends all, and returns the status lines of the answers.
    fn run(&mut self, mut sent: &[u8], piece_bytes: usize) -> Vec<String> {
        let mut statuses = Vec::new();
        let mut silent_bytes = 0;
        while !sent.is_empty() && !self.is_closed {
            assert!(
                self.node.page_may_read(self.id),
                "it has nothing else to do"
            );
            let buffer = self.node.page_read_buffer(self.id);
            let count = buffer.len().min(sent.len()).min(piece_bytes);
            assert!(count > 0, "it says that it may be read");
            buffer[..count].copy_from_slice(&sent[..count]);
            self.node.page_received(self.id, count, NOW);
            sent = &sent[count..];
            silent_bytes += count;
            if self.take(&mut statuses) {
                silent_bytes = 0;
            }
            assert!(silent_bytes <= HEAD_BYTES_MAX + piece_bytes);
        }
        if !self.is_closed {
            self.node.page_input_ended(self.id);
            self.take(&mut statuses);
        }
        statuses
    }

    /// Takes all answers; true if there was one.
    fn take(&mut self, statuses: &mut Vec<String>) -> bool {
        let mut answered = false;
        while self.node.work_on_pages(NOW) {
            while self.node.next_page_to_write().is_some() {}
            let output = self.node.page_output(self.id).to_vec();
            if output.is_empty() {
                continue;
            }
            answered = true;
            if output.starts_with(b"HTTP/1.1 ") {
                statuses.push(String::from_utf8_lossy(&output[9..12]).into_owned());
            } else {
                assert!(output.starts_with(b"data: {"), "a line of the live page");
            }
            self.node.page_written(self.id, output.len(), NOW);
            self.note_end();
        }
        self.note_end();
        answered
    }

    fn note_end(&mut self) {
        if self.node.take_closing_pages().contains(&self.id) {
            self.is_closed = true;
            self.node.page_closed(self.id);
            assert!(!self.node.page_may_read(self.id));
        }
    }
}
