//! What the operating system knows about this process: for INFO, and limits to raise.

use crate::base::clock::SystemClock;
use crate::node::PAGES_MAX;
use crate::stats::Gauges;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use nix::unistd::close;
use socket2::{Domain, Socket, Type};
use std::hash::{BuildHasher, RandomState};

/// Descriptors that are not clients: listeners, the poll, logs, a snapshot; and pages over HTTP.
const RESERVED_DESCRIPTORS: u64 = 32 + PAGES_MAX as u64;

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
    // Which one a program has that a server is embedded in, it alone knows.
    gauges.mem_allocator = "unknown".into();
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
    gauges.total_system_memory_bytes = memory_bytes();
    refresh(gauges);
    gauges.resident_startup_bytes = gauges.used_memory_rss_bytes;
}

/// The machine's memory; 0 if unknown.
pub(super) fn memory_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    if let Ok(system) = nix::sys::sysinfo::sysinfo() {
        return system.ram_total();
    }
    0
}

/// Lets the kernel make its table of this process's descriptors as large as so many clients need.
/// It doubles the table whenever a descriptor does not fit, and in a process with threads every
/// time waits for all processors to have seen that: 10 ms and more within one `accept`.
pub(super) fn reserve_descriptors(clients: usize) {
    let last = clients as u64 + RESERVED_DESCRIPTORS - 1;
    let last = i32::try_from(last).unwrap_or(i32::MAX);
    // The table stays large when the copy is closed. Above the limit of descriptors there is none.
    let copied = Socket::new(Domain::UNIX, Type::STREAM, None)
        .and_then(|socket| Ok(fcntl(&socket, FcntlArg::F_DUPFD_CLOEXEC(last))?));
    match copied {
        Ok(copy) => _ = close(copy),
        Err(error) => log::debug!("cannot reserve {clients} descriptors: {error}"),
    }
}

/// How many clients the limit of open files leaves room for when it is raised as far as it goes.
pub(super) fn clients_possible() -> u32 {
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return u32::MAX;
    };
    let room = hard.saturating_sub(RESERVED_DESCRIPTORS).max(1);
    u32::try_from(room).unwrap_or(u32::MAX)
}

/// Reads what changes: memory and processor time. A few microseconds.
pub(super) fn refresh(gauges: &mut Gauges) {
    if let Some(usage) = memory_stats::memory_stats() {
        gauges.used_memory_rss_bytes = usage.physical_mem as u64;
    }
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        gauges.cpu_system_usec = usage.system_time().num_microseconds().unsigned_abs();
        gauges.cpu_user_usec = usage.user_time().num_microseconds().unsigned_abs();
        (gauges.loop_cpu_system_usec, gauges.loop_cpu_user_usec) =
            (gauges.cpu_system_usec, gauges.cpu_user_usec);
    }
    #[cfg(target_os = "linux")]
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) {
        gauges.loop_cpu_system_usec = usage.system_time().num_microseconds().unsigned_abs();
        gauges.loop_cpu_user_usec = usage.user_time().num_microseconds().unsigned_abs();
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
