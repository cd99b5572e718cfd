//! Plays traces against servers with a limit on their memory.
//!
//! ```text
//! 16 GETs in one write ─▶ 16 replies ─▶ SETs of those that missed, in order ─▶ their replies ─▶ …
//! ```
//!
//! 1. The limit is the memory that the server reports when it was played a batch and emptied again,
//!    so that its buffers are there, and the share of the trace's bytes: the names and values of
//!    its distinct keys.
//! 2. Within a batch a key that is asked for twice misses twice, and is set once; all servers get
//!    the same batches, so none gains by it.
//! 3. Every server is a fresh process without snapshots.
//! 4. Collections have as many bytes of elements as a string would have, of one type for each key.
//!
//! Not here: the processes (`benches/side_by_side/server_process.rs`).

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::options::Options;
use crate::server_process::Side;
use crate::table::Table;
use crate::trace::{Access, Trace};
use crate::{SHARES, row_name};

const BATCH: usize = 16;
/// Bytes of a key's name: `key:` and eight digits.
const NAME_BYTES: u64 = 12;
const IO_LIMIT: Duration = Duration::from_secs(60);

/// Plays all traces at all shares, and prints the table.
pub(crate) fn run(options: &Options, traces: &[Trace]) -> io::Result<()> {
    let sides = sides(options);
    let names: Vec<&str> = sides.iter().map(|side| side.name).collect();
    let mut table = Table::new(&names);
    for trace in traces {
        for share in SHARES {
            let ratio = |side| play(side, trace, share, options.has_collections).map(Some);
            let ratios = sides.iter().map(ratio);
            let ratios = ratios.collect::<io::Result<Vec<_>>>()?;
            eprintln!("{}: {ratios:.1?}", row_name(trace, share));
            table.row(&row_name(trace, share), &ratios);
        }
    }
    println!("\nHits in per cent, same limit of bytes\n\n{table}");
    Ok(())
}

fn sides(options: &Options) -> Vec<Side> {
    let redis = |name, policy: &str| Side {
        name,
        binary: PathBuf::from("redis-server"),
        arguments: ["--save", "", "--maxmemory-policy", policy]
            .map(str::to_string)
            .to_vec(),
    };
    let mut sides = vec![
        redis("redis allkeys-lru", "allkeys-lru"),
        redis("redis allkeys-lfu", "allkeys-lfu"),
    ];
    if options.plays_evenkeel {
        let mut arguments = ["--save", "", "--dir", "."].map(str::to_string).to_vec();
        arguments.extend(options.evenkeel_arguments.iter().cloned());
        sides.push(Side {
            name: "evenkeel",
            binary: options.evenkeel_binary.clone(),
            arguments,
        });
    }
    sides
}

/// Hits in per cent.
fn play(side: &Side, trace: &Trace, share: f64, has_collections: bool) -> io::Result<f64> {
    let server = side.start()?;
    let mut player = Player::connect(server.port(), has_collections)?;
    let (_, bytes) = trace.distinct(NAME_BYTES);
    let accesses = trace.for_cache(share);
    player.play(&accesses[..BATCH.min(accesses.len())])?;
    player.call(&[b"FLUSHALL"])?;
    let limit = player.limited_memory()? + (bytes as f64 * share) as u64;
    let limit = limit.to_string();
    player.call(&[b"CONFIG", b"SET", b"maxmemory", limit.as_bytes()])?;
    let mut hits = 0;
    for batch in accesses.chunks(BATCH) {
        hits += player.play(batch)?;
    }
    Ok(hits as f64 / accesses.len() as f64 * 100.0)
}

/// Bytes of an element's words.
const ELEMENT_BYTES: usize = 24;

/// What a key of a trace holds, if it is no string.
#[derive(Clone, Copy)]
enum Kind {
    Hash,
    List,
    Set,
    SortedSet,
}

impl Kind {
    fn of(key: u32) -> Kind {
        match key % 4 {
            0 => Kind::Hash,
            1 => Kind::List,
            2 => Kind::Set,
            _ => Kind::SortedSet,
        }
    }

    /// A request that is answered with nothing exactly if there is no such key.
    fn read(self, name: &[u8]) -> Vec<&[u8]> {
        match self {
            Kind::Hash => vec![b"HGET", name, b"00000000"],
            Kind::List => vec![b"LINDEX", name, b"0"],
            Kind::Set => vec![b"SRANDMEMBER", name],
            Kind::SortedSet => vec![b"ZSCORE", name, b"000000000000000000000000"],
        }
    }

    fn adding(self) -> &'static [u8] {
        match self {
            Kind::Hash => b"HSET",
            Kind::List => b"RPUSH",
            Kind::Set => b"SADD",
            Kind::SortedSet => b"ZADD",
        }
    }

    /// The words of an element.
    fn element(self, number: usize) -> Vec<Vec<u8>> {
        match self {
            Kind::Hash => vec![format!("{number:08}").into_bytes(), vec![b'v'; 16]],
            Kind::List | Kind::Set => vec![format!("m{number:023}").into_bytes()],
            Kind::SortedSet => vec![
                number.to_string().into_bytes(),
                format!("{number:024}").into_bytes(),
            ],
        }
    }
}

struct Player {
    has_collections: bool,
    reader: BufReader<TcpStream>,
    requests: Vec<u8>,
    line: Vec<u8>,
    value: Vec<u8>,
}

impl Player {
    fn connect(port: u16, has_collections: bool) -> io::Result<Player> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IO_LIMIT))?;
        stream.set_write_timeout(Some(IO_LIMIT))?;
        Ok(Player {
            has_collections,
            reader: BufReader::new(stream),
            requests: Vec::new(),
            line: Vec::new(),
            value: Vec::new(),
        })
    }

    /// What a limit is compared with: evenkeel says it, as its clients' buffers and the process
    /// itself are not part of it; in Redis they are.
    fn limited_memory(&mut self) -> io::Result<u64> {
        self.call(&[b"INFO", b"memory"])?;
        let text = String::from_utf8_lossy(&self.value);
        let field = |name| text.lines().find_map(|line| line.strip_prefix(name));
        let row = field("keyspace_bytes:").or_else(|| field("used_memory:"));
        let bytes = row.and_then(|bytes| bytes.trim().parse().ok());
        bytes.ok_or_else(|| io::Error::other("INFO memory names no used_memory"))
    }

    fn call(&mut self, words: &[&[u8]]) -> io::Result<bool> {
        self.request(words);
        self.send()?;
        self.reply()
    }

    /// Hits of one batch, after which all of its keys were set once.
    fn play(&mut self, batch: &[Access]) -> io::Result<u64> {
        for access in batch {
            let name = name(access.key);
            match self.has_collections {
                true => self.request(&Kind::of(access.key).read(name.as_bytes())),
                false => self.request(&[b"GET", name.as_bytes()]),
            }
        }
        self.send()?;
        let mut missed = HashSet::new();
        let mut to_set = Vec::new();
        let mut hits = 0;
        for access in batch {
            if self.reply()? {
                hits += 1;
            } else if missed.insert(access.key) {
                to_set.push(access);
            }
        }
        for access in &to_set {
            self.write(access);
        }
        self.send()?;
        for _ in to_set {
            self.reply()?;
        }
        Ok(hits)
    }

    /// Writes what was missed.
    fn write(&mut self, access: &Access) {
        let name = name(access.key);
        if !self.has_collections {
            let value = vec![b'v'; access.size as usize];
            return self.request(&[b"SET", name.as_bytes(), &value]);
        }
        let kind = Kind::of(access.key);
        let count = (access.size as usize / ELEMENT_BYTES).max(1);
        let elements: Vec<Vec<u8>> = (0..count).flat_map(|number| kind.element(number)).collect();
        let mut words = vec![kind.adding(), name.as_bytes()];
        words.extend(elements.iter().map(Vec::as_slice));
        self.request(&words);
    }

    fn request(&mut self, words: &[&[u8]]) {
        self.requests
            .extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            self.requests
                .extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            self.requests.extend_from_slice(word);
            self.requests.extend_from_slice(b"\r\n");
        }
    }

    fn send(&mut self) -> io::Result<()> {
        self.reader.get_mut().write_all(&self.requests)?;
        self.requests.clear();
        Ok(())
    }

    /// Whether the reply is something; a bulk string is kept as `value`. An error of the server is
    /// one, but for that of a value which is too large for the limit: it is just not there.
    fn reply(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.reader.read_until(b'\n', &mut self.line)?;
        let text = String::from_utf8_lossy(self.line.trim_ascii_end());
        match text.as_bytes().first() {
            Some(b'$') => {}
            Some(b'-') if !text.starts_with("-OOM") => return Err(io::Error::other(text)),
            Some(_) => return Ok(true),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        let Ok(len) = text[1..].parse::<usize>() else {
            return Ok(false);
        };
        self.value.resize(len + 2, 0);
        self.reader.read_exact(&mut self.value)?;
        Ok(true)
    }
}

fn name(key: u32) -> String {
    format!("key:{key:08}")
}
