//! Pages over HTTP in turns of the scheduler, with a clock that moves by each look at it.
//!
//! ```text
//!  viewers, all at one listener ─▶ scheduler ─▶ what they are written, and the parts of each turn
//! ```
//!
//! Not here: what is answered (`src/node/tests/pages.rs`).

use evenkeel::node::{ConnectionId, Node};
use evenkeel::server::{Edge, LinkId, Scheduler, Talker};
use evenkeel::session::{Peer, Transport};
use evenkeel::stats::turns::TurnParts;
use evenkeel::{Config, Timestamp};
use std::cell::Cell;
use std::io::{self, ErrorKind};

/// How far the clock moves with each look.
const STEP_US: u64 = 10;

/// As many as may watch.
const VIEWERS: usize = 16;

#[derive(Default)]
struct Viewer {
    link: Option<LinkId>,
    has_asked: bool,
    taken_bytes: usize,
    writes: usize,
}

struct Viewers {
    clock_us: Cell<u64>,
    viewers: Vec<Viewer>,
}

impl Viewers {
    fn by_link(&mut self, link: LinkId) -> &mut Viewer {
        let mut viewers = self.viewers.iter_mut();
        let found = viewers.find(|viewer| viewer.link == Some(link));
        found.expect("it was admitted")
    }
}

impl Edge for Viewers {
    fn monotonic_us(&self) -> u64 {
        self.clock_us.set(self.clock_us.get() + STEP_US);
        self.clock_us.get()
    }

    fn read(&mut self, link: LinkId, buffer: &mut [u8]) -> io::Result<usize> {
        let head = b"GET /events HTTP/1.1\r\n\r\n";
        if std::mem::replace(&mut self.by_link(link).has_asked, true) {
            return Err(ErrorKind::WouldBlock.into());
        }
        buffer[..head.len()].copy_from_slice(head);
        Ok(head.len())
    }

    fn write(&mut self, link: LinkId, bytes: &[u8]) -> io::Result<usize> {
        let viewer = self.by_link(link);
        viewer.taken_bytes += bytes.len();
        viewer.writes += 1;
        Ok(bytes.len())
    }

    fn drain(&mut self, _: LinkId) {}

    fn close(&mut self, _: LinkId) {
        panic!("nobody gives a reason");
    }

    fn accept(&mut self, _: usize, _: u32) -> io::Result<Peer> {
        let is_there = self.viewers.iter().any(|viewer| viewer.link.is_none());
        if !is_there {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(Peer {
            address: "127.0.0.1:50000".into(),
            local_address: "server:0".into(),
            transport: Transport::Tcp,
            descriptor: -1,
            certified_name: None,
        })
    }

    fn admit(&mut self, link: LinkId, talker: Talker) -> io::Result<()> {
        assert!(matches!(talker, Talker::Page(_)));
        let mut viewers = self.viewers.iter_mut();
        let waiting = viewers.find(|viewer| viewer.link.is_none());
        waiting.expect("it was accepted just now").link = Some(link);
        Ok(())
    }

    fn may_have_sent(&self, _: LinkId) -> bool {
        true
    }

    fn is_for_pages(&self, _: usize) -> bool {
        true
    }

    fn refuse(&mut self, _: &[u8]) {
        panic!("there is room");
    }

    fn exchange_with_disk(&mut self, _: &mut Node, _: Timestamp) {}

    fn stand_still(&mut self, _: u64) {}

    fn executed(&mut self, _: &mut Node, _: ConnectionId) {}
}

/// Turns until there is nothing to do; their parts.
fn turns(scheduler: &mut Scheduler<Viewers>) -> Vec<TurnParts> {
    let mut made = Vec::new();
    loop {
        let unix_us = 1_700_000_000_000_000;
        let monotonic_us = scheduler.edge().clock_us.get();
        let now = Timestamp {
            unix_us: unix_us + monotonic_us,
            monotonic_us,
        };
        let parts = scheduler.turn(now, made.is_empty());
        assert_eq!(
            parts.total_us(),
            scheduler.edge().clock_us.get() - monotonic_us,
            "the parts are the whole"
        );
        made.push(parts);
        if !scheduler.is_busy(now) {
            return made;
        }
    }
}

#[test]
fn a_line_for_all_viewers_is_a_bounded_part_of_a_turn() {
    let edge = Viewers {
        clock_us: Cell::new(0),
        viewers: (0..VIEWERS).map(|_| Viewer::default()).collect(),
    };
    let node = Node::new(Config::default(), Timestamp::from_unix_ms(0));
    let mut scheduler = Scheduler::new(node, edge, 1);
    turns(&mut scheduler);
    for viewer in &scheduler.edge().viewers {
        assert_eq!(viewer.writes, 2, "a head, and the first line");
    }
    // Nothing happens until the next second.
    assert!(turns(&mut scheduler).iter().all(|parts| parts.page_us == 0));
    for _ in 0..3 {
        let clock_us = &scheduler.edge().clock_us;
        clock_us.set(clock_us.get() + 1_001_000);
        let before: Vec<usize> = taken(&scheduler);
        let made = turns(&mut scheduler);
        let after = taken(&scheduler);
        let lines: Vec<usize> = before
            .iter()
            .zip(after)
            .map(|(old, new)| new - old)
            .collect();
        assert!(
            lines[0] > 4_000 && lines.iter().all(|bytes| *bytes == lines[0]),
            "{lines:?}"
        );
        let longest_us = made.iter().map(|parts| parts.page_us).max();
        let whole_us: u64 = made.iter().map(|parts| parts.page_us).sum();
        // A slice of 100 µs, and a look at the clock before and after it.
        assert_eq!(longest_us, Some(110));
        assert!(
            whole_us >= VIEWERS as u64 * STEP_US,
            "each write is a step: {whole_us}"
        );
    }
}

fn taken(scheduler: &Scheduler<Viewers>) -> Vec<usize> {
    let viewers = scheduler.edge().viewers.iter();
    viewers.map(|viewer| viewer.taken_bytes).collect()
}
