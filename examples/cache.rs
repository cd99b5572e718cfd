//! A cache that all threads of a program share; README shows it.
//!
//! `cargo run --example cache`

use evenkeel::{Cache, RemovalReason, WriteError};
use std::time::Duration;

fn main() -> Result<(), WriteError> {
    let cache = Cache::builder()
        .capacity_bytes(64 << 20)
        .default_ttl(Duration::from_secs(60))
        .removal_listener(|key, _value, reason| {
            if reason == RemovalReason::Evicted {
                eprintln!("no room for {}", String::from_utf8_lossy(key));
            }
        })
        .build();
    cache.insert("page:/", "<h1>Hello</h1>")?;
    assert_eq!(cache.get("page:/"), Some(b"<h1>Hello</h1>".to_vec()));
    assert_eq!(cache.get_with("page:/", <[u8]>::len), Some(14));

    // Of all threads that miss a key at once, one computes; the others wait for its value.
    let sum = cache.get_or_insert_with("sum", || (1..=8).sum::<u32>().to_string().into());
    assert_eq!(sum, b"36");

    cache.insert_for("session:7", "ada", Duration::from_secs(600))?;
    println!("{} keys in {} bytes", cache.len(), cache.used_bytes());
    Ok(())
}
