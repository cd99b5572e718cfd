//! [`TypedCache`] as programs use it.

use evenkeel::{Cache, Expire, TimeToLive, TypedCache, TypedError, WriteError};
use serde::{Deserialize, Serialize};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Reader {
    name: String,
    visits: u32,
}

fn ada() -> Reader {
    let name = "ada".to_owned();
    Reader { name, visits: 300 }
}

#[test]
fn values_come_back_as_they_were() {
    let cache = Cache::builder().build();
    let readers: TypedCache<String, Reader> = cache.typed("readers");
    assert_eq!(readers.insert("a", &ada()), Ok(()));
    assert_eq!(readers.get("a"), Ok(Some(ada())));
    assert_eq!(readers.get(&"a".to_owned()), Ok(Some(ada())));
    assert_eq!(readers.get("b"), Ok(None));
    assert_eq!(readers.insert_if_absent("a", &ada()), Ok(false));
    let lifetime = Duration::from_secs(60);
    assert_eq!(readers.insert_for("b", &ada(), lifetime), Ok(()));
    assert!(matches!(readers.ttl("b"), Ok(TimeToLive::Remaining(_))));
    assert_eq!(readers.expire("b", Expire::Never), Ok(true));
    assert_eq!(readers.ttl("b"), Ok(TimeToLive::NoExpiry));
    assert_eq!(
        (readers.contains("b"), readers.remove("b")),
        (Ok(true), Ok(true))
    );
    assert_eq!(readers.clone().contains("b"), Ok(false));
    // The bytes below, which other programs may read: name, key, value, each with its length.
    assert_eq!(
        cache.get("\x07readers\x01a"),
        Some(b"\x03ada\xac\x02".to_vec())
    );
}

#[test]
fn views_with_other_names_share_no_key() {
    let cache = Cache::builder().build();
    let (one, other) = (cache.typed::<u8, u8>("a"), cache.typed::<Vec<u8>, u8>("ab"));
    assert_eq!(
        (one.insert(&b'b', &1), other.insert(&vec![], &2)),
        (Ok(()), Ok(()))
    );
    assert_eq!(
        (one.get(&b'b'), other.get(&vec![])),
        (Ok(Some(1)), Ok(Some(2)))
    );
    assert_eq!(cache.len(), 2);
}

#[test]
fn a_value_of_another_type_is_an_error() {
    let cache = Cache::builder().build();
    assert_eq!(cache.typed::<u8, Reader>("v").insert(&1, &ada()), Ok(()));
    let bytes_left = TypedError::Decode("5 bytes too many".to_owned());
    assert_eq!(cache.typed::<u8, u8>("v").get(&1), Err(bytes_left.clone()));
    assert_eq!(
        bytes_left.to_string(),
        "the value is of another type: 5 bytes too many"
    );
    let numbers = cache.typed::<u8, [u64; 9]>("v").get(&1);
    assert!(matches!(numbers, Err(TypedError::Decode(_))));
    let full = Cache::builder().capacity_bytes(1 << 20).build();
    let refused = full.typed::<u8, Vec<u8>>("v").insert(&1, &vec![0; 2 << 20]);
    assert_eq!(refused, Err(TypedError::Write(WriteError::OutOfMemory)));
}

#[test]
fn one_of_all_who_miss_at_once_computes_the_value() {
    let readers = Cache::builder().build().typed::<u8, Reader>("readers");
    let (computed, all_came) = (AtomicUsize::new(0), Barrier::new(3));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                all_came.wait();
                let reader = readers.get_or_insert_with(&7, || {
                    computed.fetch_add(1, Ordering::SeqCst);
                    ada()
                });
                assert_eq!(reader, Ok(ada()));
            });
        }
    });
    assert_eq!(computed.load(Ordering::SeqCst), 1);
    let failed = readers.try_get_or_insert_with(&8, || Err("no database".to_owned().into()));
    assert_eq!(failed, Err(Failure("no database".to_owned())));
    assert_eq!(readers.contains(&8), Ok(false));
}

/// The error of a program.
#[derive(Debug, PartialEq)]
struct Failure(String);

impl From<String> for Failure {
    fn from(words: String) -> Self {
        Self(words)
    }
}

impl From<TypedError> for Failure {
    fn from(error: TypedError) -> Self {
        Self(error.to_string())
    }
}
