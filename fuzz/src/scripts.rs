//! Scripts and the libraries they have, on a machine of their own: any text, texts of a small
//! grammar, and the libraries with any bytes.
//!
//! 1. Whatever a script does, it ends: by itself, or soon after it is killed.
//! 2. Its reply is one well-formed reply, and its memory stays below the limit.
//! 3. The same script gives the same reply on another machine, unless it tells addresses.
//! 4. The next script runs as if there had been none before.
//!
//! Not here: what commands of scripts do (`commands.rs`); here each call gets a reply from a list.

use crate::reply::{Types, count_replies};
use crate::source::Source;
use evenkeel::protocol::args::OwnedArgs;
use evenkeel::protocol::reply::Dialect;
use evenkeel::script::{Call, Chunk, Host, Machine, Run, Step};
use std::iter::Cycle;
use std::slice::Iter;

const LIMIT_BYTES: usize = 2 << 20;

/// Slices that a script has until it is killed, and then until it has ended.
const SLICES: usize = 20;
const SLICES_KILLED: usize = 1_000;

/// What calls answer, one after the other.
static ANSWERS: [&[u8]; 11] = [
    b"+OK\r\n",
    b":42\r\n",
    b"$3\r\na\0b\r\n",
    b"$-1\r\n",
    b"-ERR no\r\n",
    b"*3\r\n:1\r\n*0\r\n$0\r\n\r\n",
    b"_\r\n",
    b"%1\r\n,0.5\r\n#t\r\n",
    b"~2\r\n=5\r\ntxt:a\r\n(12345678901234567890\r\n",
    b"*-1\r\n",
    b"|1\r\n+a\r\n*0\r\n*1\r\n:1\r\n",
];

/// Runs one input. Its first byte chooses what it is.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let (choice, values) = (source.below(4), source.bytes(64));
    let body = match choice {
        0 => source.rest().to_vec(),
        1 => library_calls(&mut source).into_bytes(),
        _ => Writer::new(source).script().into_bytes(),
    };
    let first = run_alone(&body, values);
    let has_address = |reply: &[u8]| reply.windows(2).any(|pair| pair == b"0x");
    if let Some(first) = first.filter(|reply| !has_address(reply)) {
        let second = run_alone(&body, values).expect("it was compiled before");
        assert!(
            has_address(&second) || first == second,
            "{}: {} is not {}",
            body.escape_ascii(),
            first.escape_ascii(),
            second.escape_ascii()
        );
    }
}

/// What a script replies on a new machine; none if it is no script.
fn run_alone(body: &[u8], values: &[u8]) -> Option<Vec<u8>> {
    let mut machine = Machine::new(LIMIT_BYTES, "7.2.4", false).expect("there is memory");
    let reply = run(&mut machine, body, values);
    assert!(machine.is_idle() && machine.used_bytes() <= LIMIT_BYTES);
    // Without the memory that it may have kept, even the shortest script fails.
    machine.set_limit_bytes(2 * LIMIT_BYTES);
    let next = run(&mut machine, b"return #KEYS + #ARGV", b"");
    assert_eq!(next.as_deref(), Some(&b":2\r\n"[..]));
    reply
}

/// Answers whatever is called.
struct Answers(Cycle<Iter<'static, &'static [u8]>>);

impl Host for Answers {
    fn call(&mut self, _: Call<'_>) -> &[u8] {
        self.0.next().expect("they begin again")
    }
}

fn run(machine: &mut Machine, body: &[u8], values: &[u8]) -> Option<Vec<u8>> {
    let function = machine.compile(body, Chunk::Script).ok()?;
    let owned = OwnedArgs::from_slices(&[&b"eval"[..], values, b"value"]);
    machine.prepare(&Run {
        function,
        first_key: 1,
        key_count: 1,
        dialect: Dialect::Resp3,
        reply_bytes_max: LIMIT_BYTES,
        is_function: false,
        name: b"name",
    });
    let mut answers = Answers(ANSWERS.iter().cycle());
    let mut step = machine.start(owned.args(), &mut answers);
    let mut slices = 0;
    while step == Step::Slice {
        slices += 1;
        if slices == SLICES {
            machine.kill();
        }
        assert!(slices < SLICES_KILLED, "{} goes on", body.escape_ascii());
        step = machine.go_on(&mut answers);
    }
    let reply = machine.reply().map(<[u8]>::to_vec).unwrap_or_default();
    if !reply.is_empty() {
        let count = count_replies(&reply, Types::Resp3);
        assert_eq!(count, Ok(1), "{}", reply.escape_ascii());
    }
    machine.clear_reply();
    machine.forget(function);
    Some(reply)
}

/// Bytes as a string of Lua.
fn literal(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("\\{byte:03}"));
    format!("'{}'", digits.collect::<String>())
}

/// Calls of the libraries with the key, which may be any bytes.
fn library_calls(source: &mut Source<'_>) -> String {
    let call = source.one_of(&[
        "cjson.encode(cjson.decode(bytes))",
        "cjson.decode(cjson.encode({bytes, [bytes] = bytes}))[1] or 'none'",
        "cmsgpack.pack(cmsgpack.unpack(bytes))",
        "cmsgpack.unpack(cmsgpack.pack(bytes, {bytes}, #bytes / 3))",
        "cmsgpack.unpack_limit(bytes, 2, 1)",
        "cmsgpack.unpack_one(bytes, 3)",
        "struct.unpack(format, bytes)",
        "struct.pack(format, struct.unpack(format, bytes))",
        "struct.pack(format, bytes, #bytes, 1.5, bytes, -1)",
        "struct.size(format)",
        "bit.tohex(#bytes * 2654435761, -9) .. bit.bxor(bytes:byte(1, -1))",
        "string.find(bytes, format)",
        "string.gsub(bytes, format, '%1%0')",
        "string.format(format, bytes, 1, 1.5, bytes)",
        "redis.sha1hex(bytes) .. tostring(tonumber(bytes))",
        "loadstring(bytes) and 'compiled'",
    ]);
    let format = literal(source.bytes(40));
    format!(
        "local bytes, format = KEYS[1], {format} \
         return {{tostring((select(2, pcall(function() return {call} end))))}}"
    )
}

/// Writes scripts by choices.
struct Writer<'a> {
    source: Source<'a>,
    text: String,
    /// Nesting, and how much may still be written.
    depth: u32,
    left: u32,
}

const NAMES: [&str; 5] = ["a", "b", "c", "KEYS", "ARGV"];

#[rustfmt::skip] // A table.
const FUNCTIONS: [&str; 72] = [
    "assert", "error", "getmetatable", "ipairs", "load", "loadstring", "next", "pairs", "pcall",
    "rawequal", "rawget", "rawset", "select", "setmetatable", "tonumber", "tostring", "type",
    "unpack", "xpcall", "collectgarbage", "string.byte", "string.char", "string.find",
    "string.format", "string.gmatch", "string.gsub", "string.len", "string.lower", "string.match",
    "string.rep", "string.reverse", "string.sub", "string.upper", "string.dump", "table.concat",
    "table.insert", "table.maxn", "table.remove", "table.sort", "table.foreach", "table.getn",
    "math.floor", "math.random", "math.randomseed", "math.fmod", "math.max", "coroutine.create",
    "coroutine.resume", "coroutine.wrap", "coroutine.yield", "coroutine.running",
    "coroutine.status", "cjson.encode", "cjson.decode", "cmsgpack.pack", "cmsgpack.unpack",
    "struct.pack", "struct.unpack", "bit.band", "bit.tohex", "bit.lshift", "redis.call",
    "redis.pcall", "redis.error_reply", "redis.status_reply", "redis.sha1hex", "redis.setresp",
    "redis.log", "redis.acl_check_cmd", "redis.set_repl", "server.call", "a",
];

#[rustfmt::skip] // A table.
const VALUES: [&str; 32] = [
    "nil", "true", "false", "0", "1", "-1", "2", "3", "0.5", "1e308", "-0", "1/0", "0/0", "2^53",
    "2147483648", "''", "'a'", "'get'", "'%a+'", "'(.-)%1'", "'\\0\\255'", "'>I4s'", "'{\"k\":[1]}'",
    "'return ...'", "string.rep('ab', 500)", "{}", "{1, 2, 3}", "{err = 'x'}", "{ok = 'x'}",
    "cjson.null", "...", "redis.LOG_WARNING",
];

const OPERATORS: [&str; 14] = [
    "+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", "and", "or",
];

impl<'a> Writer<'a> {
    fn new(source: Source<'a>) -> Self {
        Self {
            source,
            text: String::new(),
            depth: 0,
            left: 200,
        }
    }

    fn script(mut self) -> String {
        self.text
            .push_str("local a, b, c = KEYS[1], {}, function(...) return ... end ");
        while !self.source.is_empty() && self.left > 0 {
            self.statement();
        }
        self.text.push_str("return ");
        self.value();
        self.text
    }

    fn add(&mut self, choices: &[&str]) {
        let word = self.source.one_of(choices);
        self.text.push_str(word);
        self.text.push(' ');
    }

    fn between(&mut self, begin: &str, inner: fn(&mut Self), end: &str) {
        self.text.push_str(begin);
        inner(self);
        self.text.push_str(end);
    }

    fn block(&mut self) {
        for _ in 0..self.source.below(3) {
            self.statement();
        }
    }

    fn statement(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.depth += 1;
        match self.source.below(9) {
            _ if self.depth > 5 => {}
            0 => {
                self.add(&["a =", "b =", "c =", "local a =", "local b ="]);
                self.value();
            }
            1 => {
                self.between("pcall(function(...) ", Self::block, " end)");
            }
            2 => {
                self.text.push_str("if ");
                self.value();
                self.between("then ", Self::block, "else ");
                self.between("", Self::block, "end");
            }
            3 => {
                self.add(&["for i = 1, 3 do", "for i = 1, 30 do", "for i = 1, 1e9 do"]);
                self.between("", Self::block, "end");
            }
            4 => {
                self.between("for k, v in pairs({", Self::values, "}) do a = k ");
                self.between("", Self::block, "end");
            }
            5 => {
                self.text.push_str("while ");
                self.value();
                self.between("do ", Self::block, "if #KEYS == 1 then break end end");
            }
            6 => {
                self.add(&["b[", "a[", "KEYS[", "_G["]);
                self.value();
                self.text.push_str("] = ");
                self.value();
            }
            _ => {
                self.text.push_str("local _ = ");
                self.call();
            }
        }
        self.text.push_str("; ");
        self.depth -= 1;
    }

    fn values(&mut self) {
        for index in 0..self.source.below(4) {
            if index > 0 {
                self.text.push_str(", ");
            }
            self.value();
        }
    }

    fn call(&mut self) {
        self.add(&FUNCTIONS);
        self.between("(", Self::values, ")");
    }

    fn value(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.depth += 1;
        match self.source.below(12) {
            0..=3 => self.add(&VALUES),
            4..=5 => self.add(&NAMES),
            _ if self.depth > 5 || self.left == 0 => self.text.push_str("nil "),
            6..=8 => self.call(),
            9 => {
                self.between("(", Self::value, ")");
                self.add(&OPERATORS);
                self.between("(", Self::value, ")");
            }
            10 => self.between("{[1] = 1, ", Self::values, "}"),
            _ => {
                self.between("function(...) ", Self::block, " return ");
                self.value();
                self.text.push_str(" end");
            }
        }
        self.depth -= 1;
    }
}
