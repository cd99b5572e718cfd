//! One connection of a node, fed in pieces, against the same requests executed one by one.
//!
//! ```text
//!  requests ─▶ bytes ─▶ pieces ─▶ Node ─▶ output, written in pieces ─┐ the same bytes
//!      └─▶ CacheEngine::execute, one after the other ────────────────┘
//! ```
//!
//! However the bytes are split, whatever batches they make and however slowly the client reads: the
//! replies are the same, none is missing, and the memory of the buffers is bounded. The clock
//! stands still. A second connection does something in between that no reply shows.
//!
//! Not here: the parser alone (`parser.rs`), clocks and several sessions (`commands.rs`).

use crate::commands::{START, config, raises_limit};
use crate::requests::{Request, is_command, request};
use crate::source::Source;
use evenkeel::CacheEngine;
use evenkeel::engine::Execution;
use evenkeel::node::{ConnectionId, Node};
use evenkeel::protocol::args::OwnedArgs;
use evenkeel::session::Peer;

const REQUESTS_MAX: usize = 400;

/// Most bytes of replies that are worth the time.
const REPLY_BYTES_MAX: usize = 2 << 20;

/// Requests whose replies tell of buffers, statistics or chance, that other sessions feel, that
/// need a connection, or that wait here and not in the library.
const LEFT_OUT: [&[&str]; 42] = [
    &["acl"],
    &["blmove"],
    &["blmpop"],
    &["blpop"],
    &["brpop"],
    &["brpoplpush"],
    &["bzmpop"],
    &["bzpopmax"],
    &["bzpopmin"],
    &["cache"],
    &["client", "tracking"],
    &["client", "unblock"],
    &["hotkeys"],
    &["psubscribe"],
    &["psync"],
    &["replconf"],
    &["publish"],
    &["pubsub"],
    &["punsubscribe"],
    &["spublish"],
    &["ssubscribe"],
    &["subscribe"],
    &["sunsubscribe"],
    &["sync"],
    &["unsubscribe"],
    &["xread"],
    &["xreadgroup"],
    &["info"],
    &["client", "list"],
    &["client", "info"],
    &["client", "kill"],
    &["config", "set"],
    &["config", "resetstat"],
    &["config", "rewrite"],
    &["debug"],
    &["latency"],
    &["memory", "stats"],
    &["memory", "doctor"],
    &["memory", "malloc-stats"],
    &["monitor"],
    &["shutdown"],
    &["slowlog"],
];

/// Runs one input. Its first bytes choose the sizes of the pieces.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let pieces = source.bytes(12).to_vec();
    let mut requests = Vec::new();
    let mut stream = Vec::new();
    while !source.is_empty() && requests.len() < REQUESTS_MAX {
        let repeats = if source.byte() < 8 { 40 } else { 1 };
        let request = request(&mut source);
        let is_left_out = LEFT_OUT.iter().any(|words| is_command(&request, words));
        if is_left_out || raises_limit(&request) {
            continue;
        }
        for _ in 0..repeats {
            encode(&request, &mut stream);
            requests.push(request.clone());
        }
    }
    let expected = one_by_one(&requests);
    if expected.len() < REPLY_BYTES_MAX {
        let replies = Feeder::new(&stream, &pieces).run();
        assert_same(&replies, &expected);
    }
}

fn assert_same(replies: &[u8], expected: &[u8]) {
    let common = replies
        .iter()
        .zip(expected)
        .take_while(|(a, b)| a == b)
        .count();
    let tail = |bytes: &[u8]| {
        bytes[common..]
            .escape_ascii()
            .take(300)
            .map(char::from)
            .collect()
    };
    let (got, wanted): (String, String) = (tail(replies), tail(expected));
    assert!(
        replies == expected,
        "at {common}: got {got} wanted {wanted}"
    );
}

fn encode(request: &Request, stream: &mut Vec<u8>) {
    stream.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
    for arg in request {
        stream.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        stream.extend_from_slice(arg);
        stream.extend_from_slice(b"\r\n");
    }
}

/// The replies until the session ends or is held back.
fn one_by_one(requests: &[Request]) -> Vec<u8> {
    let mut engine = CacheEngine::new(config());
    let key = engine.open_session(Peer::embedded(), START);
    let mut replies = Vec::new();
    for request in requests {
        let args = OwnedArgs::from_slices(request);
        let execution = engine.execute(key, args.args(), START, &mut replies);
        engine.take_effects();
        let is_over = engine.session(key).closes_after_reply;
        if execution == Execution::Paused || is_over || replies.len() >= REPLY_BYTES_MAX {
            break;
        }
    }
    replies
}

struct Feeder<'a> {
    node: Node,
    client: ConnectionId,
    other: ConnectionId,
    stream: &'a [u8],
    pieces: &'a [u8],
    next_piece: usize,
    replies: Vec<u8>,
    is_closed: bool,
}

impl<'a> Feeder<'a> {
    fn new(stream: &'a [u8], pieces: &'a [u8]) -> Self {
        let mut node = Node::new(config(), START);
        let accepted = "far fewer connections than allowed";
        let client = node.accepted(Peer::embedded(), START).expect(accepted);
        let other = node.accepted(Peer::embedded(), START).expect(accepted);
        Self {
            node,
            client,
            other,
            stream,
            pieces,
            next_piece: 0,
            replies: Vec::new(),
            is_closed: false,
        }
    }

    /// The size of the next piece, small or large.
    fn piece_bytes(&mut self) -> usize {
        let choice = self.pieces.get(self.next_piece).copied().unwrap_or(255);
        self.next_piece = (self.next_piece + 1) % self.pieces.len().max(1);
        match choice {
            0..=127 => 1 + usize::from(choice),
            128..=191 => usize::from(choice) * 16,
            192..=255 => usize::from(choice) * 256,
        }
    }

    fn run(mut self) -> Vec<u8> {
        loop {
            let is_ready = self.resume();
            let is_fed = self.feed();
            self.disturb();
            let is_written = self.write();
            self.close();
            if self.is_closed || !(is_ready || is_fed || is_written) {
                break;
            }
        }
        self.node.engine().check_invariants();
        self.replies
    }

    fn resume(&mut self) -> bool {
        let list = self.node.take_ready_list();
        for id in &list {
            self.node.resume(*id, START);
        }
        !list.is_empty()
    }

    /// Sends the next bytes, if the connection may be read.
    fn feed(&mut self) -> bool {
        if self.stream.is_empty() || !self.node.may_read(self.client) {
            return false;
        }
        let wanted = self.piece_bytes();
        let room = self.node.read_buffer(self.client);
        let count = wanted.min(room.len()).min(self.stream.len());
        assert!(count > 0, "a connection that may be read has room");
        let (piece, rest) = self.stream.split_at(count);
        room[..count].copy_from_slice(piece);
        self.stream = rest;
        self.node.received(self.client, count, START);
        true
    }

    /// The other connection leaves an incomplete request, and completes it.
    fn disturb(&mut self) {
        if self.node.may_read(self.other) {
            let request = b"*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nPI";
            let piece = [&request[24..], &b"NG\r\n$1\r\nx\r\n"[..], &request[..]].concat();
            let (first, second) = piece.split_at(11);
            for part in [&request[..], first, second] {
                if self.node.may_read(self.other) {
                    let room = self.node.read_buffer(self.other);
                    room[..part.len()].copy_from_slice(part);
                    self.node.received(self.other, part.len(), START);
                }
            }
        }
        let count = self.node.output(self.other).len();
        self.node.written(self.other, count, START);
    }

    /// Lets the client take some of its replies.
    fn write(&mut self) -> bool {
        let list = self.node.take_output_list();
        self.node.return_output_list(list);
        let wanted = self.piece_bytes();
        let output = self.node.output(self.client);
        // An eighth at least, or a byte at a time of much output takes forever.
        let count = wanted.max(output.len() / 8).min(output.len());
        self.replies.extend_from_slice(&output[..count]);
        self.node.written(self.client, count, START);
        count > 0
    }

    fn close(&mut self) {
        for id in self.node.take_close_list() {
            assert!(
                self.node.output(id).is_empty(),
                "closed with replies unwritten"
            );
            self.node.closed(id);
            self.is_closed |= id == self.client;
        }
    }
}
