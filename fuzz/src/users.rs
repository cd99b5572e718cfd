//! Rules of users: any words of ACL SETUSER, through the engine, against a naive model.
//!
//! 1. A list of rules is taken whole or not at all, and exactly where the model takes it.
//! 2. What ACL LIST prints makes the same user again.
//! 3. ACL DRYRUN says of commands, keys and channels what the model says.
//!
//! Not here: the model (`users_model.rs`).

use crate::commands::{START, config};
use crate::source::Source;
use crate::users_model::{Names, Rights, User};
use evenkeel::CacheEngine;
use evenkeel::protocol::args::OwnedArgs;
use evenkeel::session::{Peer, SessionKey};
use std::sync::OnceLock;

/// Words of rules; a byte of the input chooses one, or a word of any bytes.
const WORDS: [&str; 72] = [
    "on",
    "off",
    "nopass",
    "resetpass",
    "reset",
    "clearselectors",
    "sanitize-payload",
    "skip-sanitize-payload",
    ">one",
    ">two",
    "<one",
    "<two",
    ">",
    "#12",
    "allkeys",
    "~*",
    "resetkeys",
    "~a*",
    "~b",
    "%R~a*",
    "%W~a*",
    "%rw~b",
    "%R~*",
    "%W~*",
    "%RW~*",
    "%~a",
    "%X~a",
    "~",
    "~a)",
    "~[ab]",
    "~\u{ff}",
    "allchannels",
    "&*",
    "resetchannels",
    "&news.*",
    "&b",
    "&",
    "allcommands",
    "nocommands",
    "+@all",
    "-@all",
    "+@read",
    "-@read",
    "+@WRITE",
    "-@write",
    "+@pubsub",
    "-@fast",
    "+@admin",
    "+@nothing",
    "+get",
    "-get",
    "+SET",
    "-set",
    "+config",
    "-config",
    "+config|get",
    "-config|get",
    "+config|nothing",
    "+config|get|x",
    "+select",
    "+select|0",
    "+select|A",
    "-select|0",
    "+select|",
    "+get|b)",
    "+copy",
    "(",
    ")",
    "(+get ~a*)",
    "(~b +@all -@write)",
    "(&news.* +@pubsub)",
    "(",
];

/// Requests that are asked for, without their last arguments: these come from the input.
const REQUESTS: [(&str, usize); 12] = [
    ("GET", 1),
    ("SET", 2),
    ("MGET", 2),
    ("COPY", 2),
    ("EXISTS", 2),
    ("DEL", 1),
    ("CONFIG GET", 1),
    ("CONFIG SET", 2),
    ("SELECT", 1),
    ("PUBLISH", 2),
    ("SUBSCRIBE", 2),
    ("PSUBSCRIBE", 1),
];

/// Arguments of requests.
const ARGUMENTS: [&str; 8] = ["a", "ab", "b", "news.x", "news.*", "0", "A", "\u{ff}"];

/// Runs one input.
pub(crate) fn check(source: &mut Source<'_>) {
    let mut server = Server::new();
    let names = server.names();
    let mut model = User::new();
    for _ in 0..6 {
        if source.is_empty() {
            break;
        }
        let words: Vec<Vec<u8>> = (0..source.below(12)).map(|_| word(source)).collect();
        model = server.set_user(&model, names, &words);
        server.makes_itself_again();
        server.asks(source, &model);
    }
}

fn word(source: &mut Source<'_>) -> Vec<u8> {
    match usize::from(source.byte()) {
        choice if choice < 2 * WORDS.len() => WORDS[choice / 2].as_bytes().to_vec(),
        choice if choice < 200 => {
            let sign = source.one_of(b"~&+-%(");
            [&[sign][..], source.bytes(12)].concat()
        }
        _ => source.bytes(16).to_vec(),
    }
}

struct Server {
    engine: CacheEngine,
    session: SessionKey,
}

impl Server {
    fn new() -> Self {
        let mut engine = CacheEngine::new(config());
        let session = engine.open_session(Peer::embedded(), START);
        Self { engine, session }
    }

    fn call(&mut self, words: &[Vec<u8>]) -> Vec<u8> {
        let mut reply = Vec::new();
        let args = OwnedArgs::from_slices(words);
        self.engine
            .execute(self.session, args.args(), START, &mut reply);
        self.engine.take_effects();
        reply
    }

    fn ask(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        self.call(&words)
    }

    /// All categories and the commands in them.
    fn names(&mut self) -> &'static Names {
        static NAMES: OnceLock<Names> = OnceLock::new();
        NAMES.get_or_init(|| {
            let categories = bulks(&self.ask(&[b"ACL", b"CAT"]));
            let commands = categories.into_iter().map(|category| {
                let commands = bulks(&self.ask(&[b"ACL", b"CAT", &category]));
                (category, commands)
            });
            Names::new(commands.collect())
        })
    }

    /// Gives the rules to the user; what it is then, as the model has it.
    fn set_user(&mut self, before: &User, names: &Names, words: &[Vec<u8>]) -> User {
        let text_before = self.line(b"app");
        let mut request: Vec<Vec<u8>> = [b"ACL".to_vec(), b"SETUSER".to_vec()].into();
        request.push(b"app".to_vec());
        request.extend_from_slice(words);
        let reply = self.call(&request);
        match before.with(words, names) {
            Some(after) => {
                assert_eq!(reply, b"+OK\r\n", "{}", shown(words));
                after
            }
            None => {
                assert!(reply.starts_with(b"-ERR "), "{}", shown(words));
                assert_eq!(self.line(b"app"), text_before, "a part of it was taken");
                before.clone()
            }
        }
    }

    /// The rules of a user as ACL LIST has them.
    fn line(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let beginning = [b"user ", name, b" "].concat();
        let lines = bulks(&self.ask(&[b"ACL", b"LIST"]));
        let mut found = lines
            .iter()
            .filter_map(|line| line.strip_prefix(&beginning[..]));
        found.next().map(<[u8]>::to_vec)
    }

    /// Makes another user by the text of the first.
    fn makes_itself_again(&mut self) {
        let Some(text) = self.line(b"app") else {
            return;
        };
        self.ask(&[b"ACL", b"DELUSER", b"again"]);
        let mut request = vec![b"ACL".to_vec(), b"SETUSER".to_vec(), b"again".to_vec()];
        request.extend(text.split(|byte| *byte == b' ').map(<[u8]>::to_vec));
        assert_eq!(self.call(&request), b"+OK\r\n", "{}", text.escape_ascii());
        assert_eq!(self.line(b"again"), Some(text));
        let [first, second] =
            [&b"app"[..], b"again"].map(|name| self.ask(&[b"ACL", b"GETUSER", name]));
        assert_eq!(first, second);
    }

    /// Asks for a few requests, each of both users.
    fn asks(&mut self, source: &mut Source<'_>, model: &User) {
        if self.line(b"app").is_none() {
            return;
        }
        for _ in 0..source.below(8) {
            let (command, count) = source.one_of(&REQUESTS);
            let mut request: Vec<Vec<u8>> = command
                .split(' ')
                .map(|part| part.as_bytes().to_vec())
                .collect();
            let arguments: Vec<Vec<u8>> = (0..count)
                .map(|_| source.one_of(&ARGUMENTS).as_bytes().to_vec())
                .collect();
            let expected = model.may(&Rights::of(command, &arguments));
            request.extend(arguments);
            for name in ["app", "again"] {
                let mut dry = vec![b"ACL".to_vec(), b"DRYRUN".to_vec(), name.into()];
                dry.extend_from_slice(&request);
                let reply = self.call(&dry);
                let is_refused = reply.starts_with(b"$");
                assert!(is_refused || reply == b"+OK\r\n");
                assert_eq!(!is_refused, expected, "{name}: {}", shown(&request));
            }
        }
    }
}

fn shown(words: &[Vec<u8>]) -> String {
    let words = words.iter().map(|word| word.escape_ascii().to_string());
    words.collect::<Vec<_>>().join(" | ")
}

/// The strings of an array that holds nothing else.
fn bulks(reply: &[u8]) -> Vec<Vec<u8>> {
    let line = |from: usize| {
        let len = reply[from..].iter().position(|byte| *byte == b'\r');
        &reply[from..from + len.expect("a line ends")]
    };
    let mut at = line(0).len() + 2;
    let mut found = Vec::new();
    while at < reply.len() {
        let head = line(at);
        let is_bulk = head[0] == b'$';
        let len = match str::from_utf8(&head[1..]) {
            Ok(digits) if is_bulk => digits.parse().expect("a length"),
            _ => head.len() - 1,
        };
        let begin = if is_bulk { at + head.len() + 2 } else { at + 1 };
        found.push(reply[begin..begin + len].to_vec());
        at = begin + len + 2;
    }
    found
}
