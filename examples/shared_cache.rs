//! A cache that four threads share: the first to miss computes, the others wait for its value.
//!
//! `cargo run --example shared_cache`

use evenkeel::Cache;
use std::thread;
use std::time::Duration;

fn main() {
    let cache = Cache::builder()
        .capacity_bytes(64 << 20)
        .default_ttl(Duration::from_secs(60))
        .build();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| cache.get_or_insert_with("answer", || b"42".to_vec()));
        }
    });
    println!("{:?}, {} key", cache.get("answer"), cache.len());
}
