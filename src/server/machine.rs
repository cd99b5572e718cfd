//! What the operating system knows about this process: for INFO, and limits to raise.

use crate::base::clock::SystemClock;
use crate::stats::Gauges;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use std::hash::{BuildHasher, RandomState};

/// Descriptors that are not clients: listeners, the poll, logs, a snapshot.
const RESERVED_DESCRIPTORS: u64 = 32;

/// Fills in what does not change while the server runs.
pub(super) fn describe(gauges: &mut Gauges, port: u16, clock: &SystemClock) {
    gauges.process_id = std::process::id();
    gauges.tcp_port = port;
    gauges.run_id = run_id(clock.now().unix_us);
    gauges.multiplexing_api = if cfg!(target_os = "linux") {
        "epoll"
    } else {
        "kqueue"
    }
    .into();
    gauges.mem_allocator = "mimalloc".into();
    gauges.executable = std::env::current_exe()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    if let Ok(name) = nix::sys::utsname::uname() {
        let part = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        gauges.os = format!(
            "{} {} {}",
            part(name.sysname()),
            part(name.release()),
            part(name.machine())
        );
    }
    #[cfg(target_os = "linux")]
    if let Ok(system) = nix::sys::sysinfo::sysinfo() {
        gauges.total_system_memory_bytes = system.ram_total();
    }
    refresh(gauges);
    gauges.used_memory_startup_bytes = gauges.used_memory_rss_bytes;
}

/// Reads what changes: memory and processor time. A few microseconds.
pub(super) fn refresh(gauges: &mut Gauges) {
    if let Some(usage) = memory_stats::memory_stats() {
        gauges.used_memory_rss_bytes = usage.physical_mem as u64;
    }
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        gauges.cpu_system_usec = usage.system_time().num_microseconds().unsigned_abs();
        gauges.cpu_user_usec = usage.user_time().num_microseconds().unsigned_abs();
    }
}

/// Forty hexadecimal digits that no other run of a server has.
fn run_id(now_us: u64) -> String {
    let random = RandomState::new();
    (0..3u64)
        .map(|part| format!("{:016x}", random.hash_one((now_us, part))))
        .collect::<String>()[..40]
        .to_string()
}

/// Lets the process open as many sockets as `maxclients` needs, as far as the system allows.
/// Returns how many clients there is room for.
pub(super) fn raise_descriptor_limit(maxclients: u32) -> u32 {
    let wanted = u64::from(maxclients) + RESERVED_DESCRIPTORS;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return maxclients;
    };
    if soft >= wanted {
        return maxclients;
    }
    let raised = wanted.min(hard);
    let soft = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    let room = soft.saturating_sub(RESERVED_DESCRIPTORS).max(1);
    u32::try_from(room).unwrap_or(u32::MAX).min(maxclients)
}
