//! One client that sends a PING at a time, and the latencies that it saw.
//!
//! ```text
//! PING ─▶ +PONG   pause   PING ─▶ +PONG   pause …    latency = write to complete answer
//! ```
//!
//! 1. The pause leaves the load generator most of the core that both share.
//! 2. A stall counts as one slow PING, however long it is: read the maximum first, percentiles
//!    second.
//!
//! Cost: 4 bytes per PING. Not here: what happens meanwhile (`stall_actions.rs`,
//! `collection_actions.rs`).

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::resp_client::{Client, Reply};

/// Pause between an answer and the next PING.
pub(crate) const PAUSE: Duration = Duration::from_micros(100);
/// The most PINGs of one measurement; at the pause's rate this is several minutes.
const PINGS_LIMIT: usize = 2_000_000;
/// How long the probe goes on after the action, so that work left behind is seen.
pub(crate) const TAIL: Duration = Duration::from_millis(500);

/// Latencies of one measurement.
pub(crate) struct Latencies {
    sorted_ns: Vec<u64>,
}

impl Latencies {
    /// The latency in milliseconds that the given share of PINGs did not exceed; 1 is the maximum.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.sorted_ns.len() - 1;
        let index = (share * last as f64).ceil() as usize;
        self.sorted_ns[index.min(last)] as f64 / 1e6
    }
}

/// Runs `action` on another thread and measures PINGs until [`TAIL`] after its end.
pub(crate) fn probe_during<T: Send>(
    port: u16,
    action: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<(Latencies, T)> {
    probe_until(port, TAIL, action)
}

/// As [`probe_during`], with another time after the action's end.
pub(crate) fn probe_until<T: Send>(
    port: u16,
    tail: Duration,
    action: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<(Latencies, T)> {
    let mut client = Client::connect(port)?;
    ping(&mut client)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let result = action();
            if result.is_ok() {
                thread::sleep(tail);
            }
            done.store(true, Ordering::Release);
            result
        });
        let mut latencies_ns = Vec::new();
        let mut probed = Ok(());
        while !done.load(Ordering::Acquire) && latencies_ns.len() < PINGS_LIMIT {
            match ping(&mut client) {
                Ok(latency) => latencies_ns.push(latency.as_nanos() as u64),
                Err(error) => {
                    probed = Err(error);
                    break;
                }
            }
            thread::sleep(PAUSE);
        }
        let result = worker
            .join()
            .map_err(|_| io::Error::other("the load's thread panicked"))??;
        probed?;
        latencies_ns.sort_unstable();
        if latencies_ns.is_empty() {
            return Err(io::Error::other("not one PING during the load"));
        }
        Ok((
            Latencies {
                sorted_ns: latencies_ns,
            },
            result,
        ))
    })
}

fn ping(client: &mut Client) -> io::Result<Duration> {
    let start = Instant::now();
    client.send(b"*1\r\n$4\r\nPING\r\n")?;
    let reply = client.reply();
    let latency = start.elapsed();
    match reply {
        // Where a script runs for seconds, redis-server answers so.
        Err(error) if error.to_string().contains("BUSY") => Ok(latency),
        Err(error) => Err(error),
        Ok(Reply::Status(_)) => Ok(latency),
        Ok(other) => Err(io::Error::other(format!("{other:?} instead of PONG"))),
    }
}
