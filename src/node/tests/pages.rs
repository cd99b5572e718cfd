//! Pages over HTTP: answers in order, who may ask, bounds of number, time and bytes.
//!
//! Method: as for clients; [`Rig::ask_page`] sends a head and takes the whole answer.

use super::*;
use crate::node::pages::{PAGES_MAX, VIEWERS_MAX};
use crate::session::Transport;

const LOCAL: &str = "127.0.0.1:50000";
const STRANGER: &str = "192.0.2.7:50000";

impl Rig {
    fn page(&mut self, address: &str) -> PageId {
        let page = self.try_page(address);
        page.expect("there is room")
    }

    fn try_page(&mut self, address: &str) -> Result<PageId, Refusal> {
        let peer = Peer {
            address: address.into(),
            transport: Transport::Tcp,
            ..Peer::embedded()
        };
        self.node.page_accepted(&peer, self.now)
    }

    /// Sends as much as the node takes; returns how much that was.
    fn send_page(&mut self, id: PageId, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() && self.node.page_may_read(id) {
            let buffer = self.node.page_read_buffer(id);
            let count = buffer.len().min(bytes.len() - sent);
            buffer[..count].copy_from_slice(&bytes[sent..sent + count]);
            self.node.page_received(id, count, self.now);
            sent += count;
            while self.node.work_on_pages(self.now) {}
        }
        sent
    }

    /// Takes all output there is, and what follows from taking it.
    fn take_page(&mut self, id: PageId) -> String {
        let mut taken = Vec::new();
        while self.node.work_on_pages(self.now) {}
        while !self.node.page_output(id).is_empty() {
            let output = self.node.page_output(id).to_vec();
            self.node.page_written(id, output.len(), self.now);
            taken.extend(output);
            while self.node.work_on_pages(self.now) {}
        }
        while self.node.next_page_to_write().is_some() {}
        String::from_utf8(taken).expect("answers in tests are text")
    }

    fn ask_page(&mut self, id: PageId, head: &str) -> String {
        self.send_page(id, head.as_bytes());
        self.take_page(id)
    }

    /// The number of the status that a page of that address is answered.
    fn status(&mut self, address: &str, path: &str, fields: &str) -> String {
        let id = self.page(address);
        let answer = self.ask_page(id, &format!("GET {path} HTTP/1.1\r\n{fields}\r\n"));
        self.node.page_closed(id);
        answer.split(' ').nth(1).expect("a status").to_string()
    }

    fn close_pages(&mut self) -> Vec<PageId> {
        let list = self.node.take_closing_pages();
        for &id in &list {
            self.node.page_closed(id);
        }
        list
    }
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn requests_are_answered_in_order_until_one_wants_to_close() {
    let mut rig = Rig::new();
    let id = rig.page(LOCAL);
    let healthy = "GET /healthz HTTP/1.1\r\n\r\n";
    let answer = rig.ask_page(id, healthy);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(body(&answer), "ok\n");
    let bare = rig.ask_page(id, "HEAD /healthz HTTP/1.1\r\n\r\n");
    assert!(bare.contains("\r\nContent-Length: 3\r\n"));
    assert_eq!(body(&bare), "");
    let last = "GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n";
    let answers = rig.ask_page(
        id,
        &format!("{healthy}POST / HTTP/1.1\r\n\r\n{last}{healthy}"),
    );
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|rest| &rest[..3])
        .collect();
    assert_eq!(
        statuses,
        ["200", "405", "404"],
        "what follows a close is not answered"
    );
    assert_eq!(rig.close_pages(), [id]);
    let counters = &rig.node.stats_mut().counters;
    assert_eq!(counters.total_http_requests, 5);
}

#[test]
fn metrics_come_whole_in_the_format_that_is_asked_for() {
    let mut rig = Rig::new();
    let client = rig.accept();
    rig.talk(client, "SET a 1\r\nGET a\r\nGET b\r\nNOSUCH\r\n");
    let id = rig.page(LOCAL);
    let plain = rig.ask_page(id, "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(plain.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    let head =
        "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n";
    let answer = rig.ask_page(id, head);
    assert!(answer.contains("\r\nContent-Type: application/openmetrics-text; version=1.0.0;"));
    let text = body(&answer);
    assert!(text.ends_with("\n# EOF\n"));
    for line in [
        "evenkeel_keyspace_hits_total 1",
        "evenkeel_keyspace_misses_total 1",
        "evenkeel_command_calls_total{command=\"get\"} 2",
        "evenkeel_command_duration_seconds_count{command=\"set\"} 1",
        "evenkeel_errors_total{error=\"ERR\"} 1",
        "evenkeel_database_keys{db=\"0\"} 1",
        "evenkeel_clients_connected 1",
        "evenkeel_http_connections 1",
        "evenkeel_loop_turn_duration_seconds_count 0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}");
    }
}

#[test]
fn hot_keys_are_named_to_those_who_may_see_keys() {
    let mut rig = Rig::with(|config| config.requirepass = b"secret".to_vec());
    let client = rig.accept();
    rig.talk(
        client,
        "AUTH secret\r\nACL SETUSER eve on >x -@all +info\r\nSELECT 1\r\n",
    );
    // Many keys beside one that takes two thirds; quotes and bytes that are no text are in its
    // name.
    for number in 0..3_000 {
        let name = match number % 3 {
            0 => number.to_string(),
            _ => "\"hot \\\"\\\\\\n\\xff\"".to_string(),
        };
        rig.talk(client, &format!("GET {name}\r\n"));
        rig.advance_ms(u64::from(number % 30 == 0));
    }
    let mut scrape = |words: &str| {
        let id = rig.page(STRANGER);
        let head = format!("GET /metrics HTTP/1.1\r\nAuthorization: Basic {words}\r\n\r\n");
        let text = rig.ask_page(id, &head);
        rig.node.page_closed(id);
        let lines = text.lines().filter(|line| line.contains("_hot_key_"));
        let lines: Vec<String> = lines.map(str::to_string).collect();
        lines
    };
    // "default:secret"
    let lines = scrape("ZGVmYXVsdDpzZWNyZXQ=");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "# TYPE evenkeel_hot_key_access_ratio gauge");
    let sample = r#"evenkeel_hot_key_access_ratio{db="1",key="hot \"\\\\\\x0a\\xff"} "#;
    let ratio = lines[2].strip_prefix(sample).expect("the hot key");
    let ratio: f64 = ratio.parse().expect("a number");
    assert!((0.45..=0.85).contains(&ratio), "{ratio}");
    // "eve:x" may call INFO and see no key.
    assert_eq!(scrape("ZXZlOng="), [""; 0]);
}

#[test]
fn a_head_that_does_not_come_costs_ten_seconds() {
    let mut rig = Rig::new();
    let (silent, slow, idle) = (rig.page(LOCAL), rig.page(LOCAL), rig.page(LOCAL));
    rig.ask_page(idle, "GET /healthz HTTP/1.1\r\n\r\n");
    for letter in 0..9 {
        rig.advance_ms(1_000);
        rig.send_page(slow, &b"GET / HTTP"[letter..=letter]);
    }
    assert_eq!(rig.close_pages(), []);
    rig.advance_ms(1_001);
    assert_eq!(rig.close_pages(), [silent]);
    rig.advance_ms(1_000);
    assert_eq!(rig.close_pages(), [slow], "bytes do not prolong it");
    rig.advance_ms(75_000);
    assert_eq!(rig.close_pages(), [idle]);
    assert_eq!(rig.wake_ms(), None, "nobody is left to wake for");
}

#[test]
fn who_does_not_take_the_answer_is_closed() {
    let mut rig = Rig::new();
    let id = rig.page(LOCAL);
    rig.send_page(id, b"GET / HTTP/1.1\r\n\r\n");
    assert!(!rig.node.page_output(id).is_empty());
    assert!(
        !rig.node.page_may_read(id),
        "what else it sends waits in its socket"
    );
    rig.advance_ms(9_000);
    rig.node.page_written(id, 100, rig.now);
    rig.advance_ms(9_000);
    assert_eq!(rig.close_pages(), []);
    rig.advance_ms(1_001);
    assert_eq!(rig.close_pages(), [id]);
}

#[test]
fn garbage_and_huge_heads_end_with_an_answer() {
    let mut rig = Rig::new();
    let huge = format!("GET / HTTP/1.1\r\na: {}", "b".repeat(100_000));
    for (sent, status) in [
        ("\x16\x03\x01\x02\x00garbage\r\n\r\n", "400"),
        ("*1\r\n$4\r\nPING\r\n", "400"),
        ("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "413"),
        (&huge[..], "431"),
    ] {
        let id = rig.page(LOCAL);
        let count = rig.send_page(id, sent.as_bytes());
        assert!(count <= 8 * 1024, "{count}");
        let answer = rig.take_page(id);
        assert_eq!(&answer["HTTP/1.1 ".len()..][..3], status);
        assert_eq!(rig.close_pages(), [id], "{sent:.20}");
    }
}

#[test]
fn the_one_that_waited_longest_makes_place() {
    let mut rig = Rig::new();
    let first = rig.page(LOCAL);
    rig.advance_ms(10);
    let others: Vec<PageId> = (1..PAGES_MAX).map(|_| rig.page(LOCAL)).collect();
    rig.advance_ms(10);
    rig.ask_page(first, "GET /healthz HTTP/1.1\r\n\r\n");
    rig.page(LOCAL);
    assert_eq!(
        rig.close_pages(),
        [others[0]],
        "the first has asked meanwhile"
    );
    // All are busy: each has an answer to take.
    let everybody: Vec<PageId> = rig.node.page_ids();
    assert_eq!(everybody.len(), PAGES_MAX);
    for id in everybody {
        rig.send_page(id, b"GET /healthz HTTP/1.1\r\n\r\n");
    }
    let refusal = rig.try_page(LOCAL).expect_err("no place");
    assert!(refusal.reply.starts_with(b"HTTP/1.1 503 "));
}

#[test]
fn a_viewer_gets_a_line_a_second_that_is_made_once_for_all() {
    let mut rig = Rig::new();
    let viewers: Vec<PageId> = (0..VIEWERS_MAX).map(|_| rig.page(LOCAL)).collect();
    for &id in &viewers {
        let begin = rig.ask_page(id, "GET /events HTTP/1.1\r\n\r\n");
        assert!(begin.contains("\r\nContent-Type: text/event-stream"));
        assert!(body(&begin).starts_with("data: {\"info\":{"));
        assert!(begin.ends_with("]}\n\n"));
    }
    assert_eq!(rig.node.stats_mut().gauges.http_viewers, VIEWERS_MAX as u64);
    let late = rig.page(LOCAL);
    assert!(
        rig.ask_page(late, "GET /events HTTP/1.1\r\n\r\n")
            .starts_with("HTTP/1.1 503 ")
    );
    assert!(rig.wake_ms().is_some_and(|wait_ms| wait_ms <= 1_000));
    rig.advance_ms(1_001);
    while rig.node.work_on_pages(rig.now) {}
    let lines: Vec<*const u8> = viewers
        .iter()
        .map(|id| rig.node.page_output(*id).as_ptr())
        .collect();
    assert!(
        lines.iter().all(|line| *line == lines[0]),
        "one line in one place"
    );
    // One does not read, and misses lines; the others get them.
    let (stuck, reader) = (viewers[0], viewers[1]);
    for _ in 0..8 {
        assert!(rig.take_page(reader).starts_with("data: {"));
        rig.advance_ms(1_000);
        while rig.node.work_on_pages(rig.now) {}
    }
    assert!(rig.node.page_output(stuck).len() < 32 * 1024);
    rig.take_page(reader);
    rig.advance_ms(2_000);
    assert!(rig.close_pages().contains(&stuck));
    // Who speaks while watching has nothing more to look at.
    rig.send_page(reader, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(rig.close_pages(), [reader]);
}

#[test]
fn an_open_cache_shows_itself_to_its_own_machine() {
    let mut rig = Rig::new();
    for path in ["/metrics", "/", "/events"] {
        assert_eq!(rig.status(LOCAL, path, ""), "200");
        assert_eq!(rig.status(LOCAL, path, "Host: localhost:1\r\n"), "200");
        assert_eq!(rig.status(LOCAL, path, "Host: evil.example\r\n"), "403");
        assert_eq!(rig.status(STRANGER, path, ""), "403");
        // "eve:x"
        assert_eq!(
            rig.status(LOCAL, path, "Authorization: Basic ZXZlOng=\r\n"),
            "401"
        );
    }
    assert_eq!(rig.status(STRANGER, "/healthz", ""), "200");
    assert_eq!(
        rig.status(STRANGER, "/readyz", "Host: evil.example\r\n"),
        "200"
    );
    let mut rig = Rig::with(|config| config.protected_mode = false);
    assert_eq!(
        rig.status(STRANGER, "/metrics", "Host: cache.example\r\n"),
        "200"
    );
}

#[test]
fn with_a_password_nobody_looks_on_without_one() {
    let mut rig = Rig::with(|config| config.requirepass = b"secret".to_vec());
    // "default:secret", "default:wrong"
    let right = "Authorization: Basic ZGVmYXVsdDpzZWNyZXQ=\r\n";
    let wrong = "Authorization: Basic ZGVmYXVsdDp3cm9uZw==\r\n";
    for address in [LOCAL, STRANGER] {
        assert_eq!(rig.status(address, "/metrics", ""), "401");
        assert_eq!(rig.status(address, "/metrics", wrong), "401");
        assert_eq!(rig.status(address, "/metrics", right), "200");
        assert_eq!(
            rig.status(address, "/", &format!("Host: cache.example\r\n{right}")),
            "200"
        );
        assert_eq!(
            rig.status(address, "/metrics", "Authorization: Bearer x\r\n"),
            "400"
        );
    }
    assert_eq!(rig.node.stats_mut().counters.acl_access_denied_auth, 2);
    let client = rig.accept();
    rig.talk(
        client,
        "AUTH secret\r\nACL SETUSER eve on >x -@all +info\r\n",
    );
    rig.talk(client, "ACL SETUSER ann on >x -@all\r\n");
    // "eve:x", "ann:x"
    let eve = "Authorization: Basic ZXZlOng=\r\n";
    assert_eq!(rig.status(STRANGER, "/metrics", eve), "200");
    assert_eq!(
        rig.status(STRANGER, "/", eve),
        "403",
        "she may not see keys"
    );
    assert_eq!(
        rig.status(STRANGER, "/metrics", "Authorization: Basic YW5uOng=\r\n"),
        "403"
    );
    rig.talk(client, "ACL SETUSER eve +slowlog|get %R~*\r\n");
    assert_eq!(rig.status(STRANGER, "/", eve), "200");
    rig.talk(client, "ACL SETUSER eve off\r\n");
    assert_eq!(rig.status(STRANGER, "/metrics", eve), "401");
}
