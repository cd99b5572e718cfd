//! Makes a failing sequence small: first the shortest tail that still fails, then without
//! whatever can be left out.
//!
//! Method: delta debugging with halving chunks. Bounded by [`LIMIT`]; the result is then small,
//! not minimal.
//!
//! Not here: running a sequence (`pair.rs`).

use std::time::{Duration, Instant};

use crate::pair::{Addresses, Mismatch, Operation, Pair};

/// How long shrinking may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The smallest failing sequence found, with its mismatch; `None` if the failure does not happen
/// again from empty servers.
pub(crate) fn shrink(
    addresses: &Addresses,
    history: &[Operation],
) -> Option<(Vec<Operation>, Box<Mismatch>)> {
    let end = Instant::now() + LIMIT;
    let (mut failing, mut mismatch) = shortest_tail(addresses, history)?;
    let mut chunk = failing.len().div_ceil(2);
    while chunk >= 1 && Instant::now() < end {
        let mut start = 0;
        let mut removed_any = false;
        while start < failing.len() && Instant::now() < end {
            let mut candidate = failing.clone();
            candidate.drain(start..(start + chunk).min(failing.len()));
            match replay(addresses, &candidate) {
                Some(found) => {
                    candidate.truncate(found.index + 1);
                    failing = candidate;
                    mismatch = found;
                    removed_any = true;
                }
                None => start += chunk,
            }
        }
        if chunk == 1 && !removed_any {
            break;
        }
        chunk = if chunk == 1 { 1 } else { chunk.div_ceil(2) };
    }
    Some((failing, mismatch))
}

fn shortest_tail(
    addresses: &Addresses,
    history: &[Operation],
) -> Option<(Vec<Operation>, Box<Mismatch>)> {
    let mut length = 64;
    loop {
        let tail = &history[history.len().saturating_sub(length)..];
        if let Some(mismatch) = replay(addresses, tail) {
            return Some((tail[..=mismatch.index].to_vec(), mismatch));
        }
        if length >= history.len() {
            return None;
        }
        length *= 8;
    }
}

fn replay(addresses: &Addresses, operations: &[Operation]) -> Option<Box<Mismatch>> {
    Pair::new(addresses).run(operations).err()
}
