//! The oracle: random requests to this server and to a real redis-server side by side, replies
//! compared byte for byte.
//!
//! ```text
//! seed → grammar → pipelines ─┬→ subject   ─┬→ compare → mismatch → shrink → the shortest sequence
//!                             └→ reference ─┘
//! ```
//! Environment:
//! - `EVENKEEL_ORACLE=skip` does nothing, for machines without redis-server
//! - `EVENKEEL_ORACLE_SEED` (1), `EVENKEEL_ORACLE_COMMANDS` (20000)
//! - `EVENKEEL_ORACLE_FAMILIES`: only these of
//!   `string,hash,list,set,zset,stream,hyperloglog,geo,script,server`; without it all.
//!   What concerns keys of any type is always among them
//! - `EVENKEEL_ORACLE_SUBJECT`, `EVENKEEL_ORACLE_REFERENCE`: servers by address instead of new
//!   processes, both are emptied; `redis` is a new redis-server
//!
//! Commands that the subject does not list are left out. After a run there is a table of how often
//! each command was run and answered an error.
//!
//! What is meant to differ is a row of `compare::DIFFERENCES` and of `docs/DIFFERENCES.md`.
//! Not here: behaviour over time (`tests/scripts/expiry.txt`).

#[path = "../support/authority.rs"]
mod authority;
#[path = "../support/mod.rs"]
mod support;

mod compare;
mod exchange;
mod grammar;
mod information;
mod malformed;
mod moving;
mod pair;
mod reach;
mod settle;
mod shrink;
mod tally;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use grammar::{Breadth, FAMILIES, Family, Grammar};
use pair::{Addresses, CONNECTIONS, Mismatch, Operation, Pair};
use support::client::{Address, Client};
use support::server::ServerProcess;
use support::value::Value;
use support::words;
use tally::Tally;

/// After so many commands over few keys whole keyspaces are compared.
const KEYSPACE_INTERVAL: usize = 500;

/// The same over many keys, which takes longer.
const MANY_KEYS_INTERVAL: usize = 10_000;

/// The same with large collections.
const LARGE_COLLECTIONS_INTERVAL: usize = 2_000;

/// Damaged inputs tried per run, besides the known ones.
const MALFORMED_INPUTS: usize = 1_500;

/// Held by the one test that uses servers by address.
static TURN: Mutex<()> = Mutex::new(());

/// Both servers, empty, started or by address. The processes end when this is dropped.
struct Servers {
    addresses: Addresses,
    _turn: MutexGuard<'static, ()>,
    _processes: Vec<ServerProcess>,
}

/// `None` if the environment says that the oracle is to be skipped.
fn servers() -> Option<Servers> {
    if std::env::var("EVENKEEL_ORACLE").is_ok_and(|value| value == "skip") {
        println!("EVENKEEL_ORACLE=skip: nothing is compared");
        return None;
    }
    // A failed test leaves the servers as usable as before.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut processes = Vec::new();
    let mut address_of = |variable: &str, start: &dyn Fn() -> ServerProcess| {
        let process = match std::env::var(variable).as_deref() {
            Ok("redis") => start_redis(),
            Ok(text) => return Address::parse(text),
            Err(_) => start(),
        };
        let address = process.address().clone();
        processes.push(process);
        address
    };
    let reference = address_of("EVENKEEL_ORACLE_REFERENCE", &start_redis);
    let subject = address_of("EVENKEEL_ORACLE_SUBJECT", &|| ServerProcess::evenkeel(&[]));
    let addresses = Addresses { subject, reference };
    Pair::new(&addresses);
    Some(Servers {
        addresses,
        _turn: turn,
        _processes: processes,
    })
}

fn start_redis() -> ServerProcess {
    ServerProcess::redis(&[]).unwrap_or_else(|error| {
        panic!("{error}\nThe oracle needs redis-server 7; EVENKEEL_ORACLE=skip leaves it out.")
    })
}

fn number_from(variable: &str, otherwise: u64) -> u64 {
    let parse = |text: String| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number"))
    };
    std::env::var(variable).map_or(otherwise, parse)
}

/// What a run makes requests of: the families that the environment names and the generic one.
fn families() -> Vec<Family> {
    let Ok(text) = std::env::var("EVENKEEL_ORACLE_FAMILIES") else {
        return FAMILIES.to_vec();
    };
    let names: Vec<&str> = text.split(',').filter(|name| !name.is_empty()).collect();
    for name in &names {
        let is_known = FAMILIES.iter().any(|family| family.name == *name);
        assert!(is_known, "EVENKEEL_ORACLE_FAMILIES: {name} is no family");
    }
    let is_chosen = |family: &&Family| {
        names.is_empty() || family.name == "generic" || names.contains(&family.name)
    };
    FAMILIES.iter().filter(is_chosen).copied().collect()
}

/// Makes the next operations of a run: a pipeline, a transaction, or two clients at odds.
fn next_operations(grammar: &mut Grammar, operations: &mut Vec<Operation>) {
    let connection = grammar.random().usize(0..CONNECTIONS);
    let mut push = |connection: usize, words: Vec<Vec<u8>>| {
        operations.push(Operation::Request { connection, words });
    };
    let plain = |name: &str| vec![name.as_bytes().to_vec()];
    match grammar.random().u32(0..100) {
        0..15 => {
            push(connection, plain("MULTI"));
            for _ in 0..grammar.random().usize(0..8) {
                let request = match grammar.random().u32(0..3) {
                    0 => grammar.waiting_request(),
                    _ => grammar.request(),
                };
                push(connection, request);
            }
            push(
                connection,
                plain(if grammar.random().u32(0..10) > 0 {
                    "EXEC"
                } else {
                    "DISCARD"
                }),
            );
        }
        15..30 => {
            let other = grammar.random().usize(0..CONNECTIONS);
            push(
                connection,
                vec![b"WATCH".to_vec(), grammar.key(), grammar.key()],
            );
            for _ in 0..grammar.random().usize(0..4) {
                push(other, grammar.request());
            }
            push(connection, plain("MULTI"));
            push(connection, grammar.request());
            push(connection, plain("EXEC"));
        }
        30 => operations.push(Operation::ScanAll {
            count: grammar.random().u32(1..20),
        }),
        _ => {
            for _ in 0..grammar.random().usize(1..64) {
                push(connection, grammar.request());
            }
        }
    }
}

/// Runs random commands and returns how often each was run; on a disagreement returns the shrunk
/// sequence and both replies as text.
fn run_random(
    addresses: &Addresses,
    families: &[Family],
    seed: u64,
    breadth: Breadth,
    command_count: usize,
) -> Result<Tally, String> {
    let known = known_commands(&addresses.subject);
    let is_known = |name: &str| known.contains(&name.to_lowercase());
    let (mut grammar, unknown) = Grammar::new(seed, breadth, families, is_known);
    println!(
        "seed {seed}, {command_count} commands; not compared, for the server does not list them: {unknown:?}"
    );
    let mut pair = Pair::new(addresses);
    let mut history: Vec<Operation> = Vec::new();
    let interval = match breadth {
        Breadth::FewKeys => KEYSPACE_INTERVAL,
        Breadth::ManyKeys => MANY_KEYS_INTERVAL,
        Breadth::LargeCollections => LARGE_COLLECTIONS_INTERVAL,
    };
    let mut next_comparison = interval;
    while history.len() < command_count {
        let start = history.len();
        next_operations(&mut grammar, &mut history);
        if history.len() >= next_comparison.min(command_count) {
            history.push(Operation::CompareKeyspaces);
            next_comparison += interval;
        }
        if let Err(mismatch) = pair.run(&history[start..]) {
            history.truncate(start + mismatch.index + 1);
            return Err(describe(addresses, seed, &history, &mismatch));
        }
    }
    Ok(pair.into_tally())
}

fn describe(addresses: &Addresses, seed: u64, history: &[Operation], first: &Mismatch) -> String {
    let show = |mismatch: &Mismatch| {
        format!(
            "  {}\n  subject:\n    {}\n  reference:\n    {}\n",
            mismatch.request, mismatch.subject, mismatch.reference
        )
    };
    let count = history.len();
    let mut text = format!(
        "seed {seed}: replies differ at command {count}:\n{}",
        show(first)
    );
    match shrink::shrink(addresses, history) {
        Some((operations, mismatch)) => {
            text.push_str("the shortest sequence found ([odd] connections speak RESP3):\n");
            for operation in operations {
                text.push_str(&format!("  {}\n", operation.print()));
            }
            text.push_str(&show(&mismatch));
        }
        None => {
            text.push_str("it does not happen again from empty servers; the last commands were:\n");
            for operation in &history[count.saturating_sub(30)..] {
                text.push_str(&format!("  {}\n", operation.print()));
            }
        }
    }
    text
}

/// The names that COMMAND LIST gives, in lower case.
fn known_commands(address: &Address) -> BTreeSet<String> {
    let list = Client::connect(address).line("COMMAND LIST");
    list.members()
        .iter()
        .map(|name| name.text().to_lowercase())
        .collect()
}

/// Runs as many commands as the environment says over few or many keys.
fn compare_random_commands(breadth: Breadth) {
    let Some(servers) = servers() else { return };
    let seed = number_from("EVENKEEL_ORACLE_SEED", 1);
    let count = number_from("EVENKEEL_ORACLE_COMMANDS", 20_000);
    let count = usize::try_from(count).expect("the count fits");
    match run_random(&servers.addresses, &families(), seed, breadth, count) {
        Ok(tally) => println!("{breadth:?}: {count} commands agree\n{}", tally.print()),
        Err(text) => panic!("{text}"),
    }
}

#[test]
fn random_commands_get_equal_replies() {
    compare_random_commands(Breadth::FewKeys);
}

#[test]
fn random_commands_over_many_keys_get_equal_replies() {
    compare_random_commands(Breadth::ManyKeys);
}

#[test]
fn random_commands_on_large_collections_get_equal_replies() {
    compare_random_commands(Breadth::LargeCollections);
}

#[test]
fn malformed_requests_get_equal_replies() {
    let Some(servers) = servers() else { return };
    let seed = number_from("EVENKEEL_ORACLE_SEED", 1);
    let mut random = fastrand::Rng::with_seed(seed);
    let known = malformed::KNOWN
        .iter()
        .chain(malformed::KNOWN_INLINE)
        .map(|input| input.to_vec());
    let damaged: Vec<_> = (0..MALFORMED_INPUTS)
        .map(|_| malformed::input(&mut random))
        .collect();
    let mut failures = Vec::new();
    for input in known.chain(damaged) {
        // However the bytes arrive, the replies are those to the whole.
        let lengths: Vec<usize> = (0..random.usize(0..4))
            .map(|_| random.usize(1..input.len().max(2)))
            .collect();
        let subject = malformed::answer(&servers.addresses.subject, &input, &lengths);
        let reference = malformed::answer(&servers.addresses.reference, &input, &[]);
        if subject != reference {
            failures.push(format!(
                "input     {}\nsubject   {}\nreference {}",
                words::quote(&input),
                words::quote(&subject),
                words::quote(&reference)
            ));
        }
    }
    let shown = failures.len().min(20);
    assert!(
        failures.is_empty(),
        "seed {seed}: {} inputs get other replies, {shown} of them:\n{}",
        failures.len(),
        failures[..shown].join("\n\n")
    );
}

/// Commands that are declared otherwise on purpose, and the ids of their rows in
/// `docs/DIFFERENCES.md`.
const DECLARED_OTHERWISE: &[(&str, &str)] = &[
    ("config|rewrite", "rewriting-waits-for-the-disk"),
    ("zrank", "ranks-with-scores"),
    ("zrevrank", "ranks-with-scores"),
    ("spublish", "channels-of-shards-are-no-keys"),
    ("ssubscribe", "channels-of-shards-are-no-keys"),
    ("sunsubscribe", "channels-of-shards-are-no-keys"),
];

/// Goal: clients that choose by COMMAND INFO choose as with Redis. Method: name, arity, flags, key
/// positions and categories of each command both know.
#[test]
fn command_declarations_agree() {
    let Some(servers) = servers() else { return };
    let mut subject = Client::connect(&servers.addresses.subject);
    let mut reference = Client::connect(&servers.addresses.reference);
    let mut failures = Vec::new();
    for name in known_commands(&servers.addresses.subject) {
        let request = format!("COMMAND INFO {name}");
        let (ours, theirs) = (subject.line(&request), reference.line(&request));
        let (ours, theirs) = (declaration(&ours), declaration(&theirs));
        let is_meant = DECLARED_OTHERWISE.iter().any(|(meant, _)| *meant == name);
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && (ours != theirs) != is_meant
        {
            failures.push(format!(
                "{name}\n  subject   {ours:?}\n  reference {theirs:?}"
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "declarations differ:\n{}",
        failures.join("\n")
    );
}

/// Flags about what this server does not have: scripts that run long, and loading from a master.
const IGNORED_FLAGS: &[&[u8]] = &[b"allow_busy", b"no_async_loading"];

/// The first seven fields of a COMMAND INFO entry, sets sorted and printed.
fn declaration(info: &Value) -> Option<Vec<String>> {
    let print = |field: &Value| match field {
        Value::Array(members) => {
            let ignored = |member: &&Value| IGNORED_FLAGS.iter().any(|f| member.bytes() == Some(f));
            let kept = members
                .iter()
                .filter(|member| !ignored(member))
                .cloned()
                .collect();
            Value::Array(kept).sorted().print().join(" ")
        }
        other => other.print().join(" "),
    };
    let fields: Vec<String> = info
        .members()
        .first()?
        .members()
        .iter()
        .take(7)
        .map(print)
        .collect();
    (!fields.is_empty()).then_some(fields)
}

/// Goal: the oracle can fail, and does not without reason. Method: two redis-servers, first as
/// they are, then asked for something that must differ among much that does not.
#[test]
fn a_planted_difference_is_found_and_shrunk() {
    if std::env::var("EVENKEEL_ORACLE").is_ok_and(|value| value == "skip") {
        return;
    }
    let (one, other) = (start_redis(), start_redis());
    let addresses = Addresses {
        subject: one.address().clone(),
        reference: other.address().clone(),
    };
    run_random(&addresses, FAMILIES, 7, Breadth::FewKeys, 3_000)
        .unwrap_or_else(|text| panic!("two equal servers agree: {text}"));
    let request = |words: &str| Operation::Request {
        connection: 0,
        words: words
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect(),
    };
    let mut operations: Vec<Operation> = (0..40)
        .map(|index| request(&format!("SET k{index} v")))
        .collect();
    operations.push(request("CONFIG GET port"));
    operations.push(request("GET k0"));
    let mismatch = Pair::new(&addresses)
        .run(&operations)
        .expect_err("the ports differ");
    assert_eq!(mismatch.index, 40);
    let (shrunk, mismatch) =
        shrink::shrink(&addresses, &operations[..=mismatch.index]).expect("it happens again");
    assert_eq!(
        shrunk.iter().map(Operation::print).collect::<Vec<_>>(),
        ["[0] CONFIG GET port"]
    );
    assert_eq!(mismatch.request, "CONFIG GET port");
}

/// Goal: no difference is tolerated silently. Method: each id stands in the document.
#[test]
fn every_tolerated_difference_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/DIFFERENCES.md");
    let document = std::fs::read_to_string(&path).expect("docs/DIFFERENCES.md can be read");
    let of_replies = compare::DIFFERENCES.iter().map(|difference| difference.id);
    let of_declarations = DECLARED_OTHERWISE.iter().map(|(_, id)| *id);
    for id in of_replies.chain(of_declarations) {
        assert!(document.contains(id), "{id} is not in the document");
    }
}
