//! A cache of computed pages within a program: no server, no socket, a clock of its own.
//!
//! ```text
//! request ─▶ Pages::page ─┬─ in the cache: a hit
//!                         └─ not, or expired: computed, kept for two seconds
//! login ──▶ session    a hash that expires      last visits   a list of three
//! views ──▶ ranking    a sorted set             readers       a set
//! ```
//!
//! `cargo run --example embed`

use evenkeel::{CacheEngine, Config, Expire, TimeToLive, Timestamp, WriteError};
use std::error::Error;
use std::time::Duration;

/// How long a page is worth showing.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// Pages, each computed when it is asked for and not there.
struct Pages {
    cache: CacheEngine,
    hits: u64,
    misses: u64,
}

impl Pages {
    fn new() -> Self {
        // Keys that strangers choose would want a random `hash_seed`.
        Self {
            cache: CacheEngine::new(Config::default()),
            hits: 0,
            misses: 0,
        }
    }

    /// The page of a path at `now`.
    fn page(&mut self, path: &str, now: Timestamp) -> Vec<u8> {
        self.cache.advance_to(now);
        let views = format!("views:{path}");
        self.cache
            .incr(views.as_bytes(), 1)
            .expect("there is no limit, and only numbers have names that begin with views:");
        if let Some(page) = self.cache.get(path.as_bytes()) {
            self.hits += 1;
            return page;
        }
        self.misses += 1;
        let page = compute(path, now);
        self.cache
            .set(path.as_bytes(), &page, Expire::After(FRESH_FOR))
            .expect("there is no limit of memory");
        page
    }

    /// How often a page was asked for.
    fn views(&mut self, path: &str) -> String {
        let views = self.cache.get(format!("views:{path}").as_bytes());
        String::from_utf8(views.unwrap_or_default()).expect("a number is text")
    }
}

/// How long a reader may do nothing until they must log in again.
const SESSION_FOR: Duration = Duration::from_secs(60);

/// What a site knows of its readers: a value of each type.
fn note_visit(cache: &mut CacheEngine, reader: &str, path: &str) -> Result<(), WriteError> {
    let session = format!("session:{reader}");
    cache.hash_set(session.as_bytes(), &[("name", reader), ("at", path)])?;
    cache.hash_increment(session.as_bytes(), b"visits", 1)?;
    cache.expire(session.as_bytes(), Expire::After(SESSION_FOR));

    cache.list_push_front(b"last visits", &[path])?;
    cache.list_trim(b"last visits", ..3)?;

    cache.set_add(b"readers", &[reader])?;
    cache.sorted_set_increment(b"ranking", path.as_bytes(), 1.0)?;
    Ok(())
}

fn tell_visits(cache: &mut CacheEngine) -> Result<(), Box<dyn Error>> {
    let visits = cache.hash_get(b"session:ada", b"visits")?;
    let visits = String::from_utf8(visits.unwrap_or_default())?;
    println!(
        "ada was here {visits} times, of {} readers",
        cache.set_len(b"readers")?
    );
    cache.list_range(b"last visits", .., |path| {
        println!("visited lately: {}", String::from_utf8_lossy(path));
    })?;
    cache.sorted_set_range_reversed(b"ranking", ..2, |path, views| {
        println!("seen most: {} ({views})", String::from_utf8_lossy(path));
    })?;
    Ok(())
}

/// Stands for something slow.
fn compute(path: &str, now: Timestamp) -> Vec<u8> {
    format!("<h1>{path}</h1> as of {} ms", now.unix_ms()).into_bytes()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut pages = Pages::new();
    // The program's time, in steps of a quarter second; a real one would ask its clock.
    let start = Timestamp::from_unix_ms(1_700_000_000_000);
    for step in 0..40 {
        let now = start.plus_ms(step * 250);
        pages.page("/", now);
        if step % 4 == 0 {
            pages.page("/about", now);
        }
    }
    let end = start.plus_ms(39 * 250);
    println!("hits {}, misses {}", pages.hits, pages.misses);
    println!("views of /: {}", pages.views("/"));
    match pages.cache.ttl(b"/") {
        TimeToLive::Remaining(left) => println!("/ is fresh for another {left:?}"),
        other => println!("/ is {other:?}"),
    }
    for (reader, path) in [
        ("ada", "/"),
        ("grace", "/about"),
        ("ada", "/"),
        ("ada", "/new"),
    ] {
        note_visit(&mut pages.cache, reader, path)?;
    }
    tell_visits(&mut pages.cache)?;
    pages.cache.advance_to(end.plus_ms(100_000));
    println!(
        "a hundred seconds later: {} keys, {} bytes",
        pages.cache.len(),
        pages.cache.used_bytes()
    );
    Ok(())
}
