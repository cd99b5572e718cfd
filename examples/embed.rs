//! A cache of computed pages within a program: no server, no socket, a clock of its own.
//!
//! ```text
//! request ─▶ Pages::page ─┬─ in the cache: a hit
//!                         └─ not, or expired: computed, kept for two seconds
//! ```
//!
//! `cargo run --example embed`

use evenkeel::{CacheEngine, Config, Expire, TimeToLive, Timestamp};
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

/// Stands for something slow.
fn compute(path: &str, now: Timestamp) -> Vec<u8> {
    format!("<h1>{path}</h1> as of {} ms", now.unix_ms()).into_bytes()
}

fn main() {
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
    pages.cache.advance_to(end.plus_ms(10_000));
    println!(
        "ten seconds later: {} keys, {} bytes",
        pages.cache.len(),
        pages.cache.used_bytes()
    );
}
