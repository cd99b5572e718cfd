//! What `maxmemory auto` means: three quarters of the memory that the process may use.
//!
//! ```text
//!  machine's memory ──────────────────────────────────────────┐
//!  /proc/self/cgroup ─▶ paths ─▶ memory.max (v2)             ─┼▶ the least ─▶ 3/4 of it
//!                               memory.limit_in_bytes (v1)   ─┘
//! ```
//!
//! A limit holds for everything below its group, so that of every ancestor counts. Inside a
//! container the root of the mounted hierarchy is often the container's own group.
//!
//! Everything but [`AllowedMemory::read`] works on texts. A file that is missing or says
//! something else is no limit: most of those that are asked for do not exist.
//!
//! Not here: what is done with the number (`Node::set_automatic_memory`).

use super::machine;
use crate::config::MemoryLimit;
use crate::node::Node;
use std::fmt;
use std::fs;

/// Where the hierarchy of cgroup v2 is mounted.
const V2_ROOT: &str = "/sys/fs/cgroup";
/// Where the hierarchy of the memory controller of cgroup v1 is mounted.
const V1_ROOT: &str = "/sys/fs/cgroup/memory";

/// Ancestors of a group that are asked, so that the path alone does not decide how many.
const ANCESTORS_MAX: usize = 64;

/// Tells a node what `maxmemory auto` means, and the log, too, if that is the limit.
pub(super) fn apply(node: &mut Node) {
    let allowed = AllowedMemory::read(machine::memory_bytes());
    let automatic_bytes = allowed.as_ref().map_or(0, AllowedMemory::automatic_bytes);
    node.set_automatic_memory(automatic_bytes);
    match (node.engine().config().maxmemory, &allowed) {
        (MemoryLimit::Auto, Some(allowed)) => {
            log::info!("maxmemory auto: {automatic_bytes} bytes, three quarters of the {allowed}");
        }
        (MemoryLimit::Auto, None) => {
            log::warn!("maxmemory auto: no limit, because the machine's memory is unknown");
        }
        // The line about the start has it.
        (MemoryLimit::Bytes(_), _) => {}
    }
}

/// How much memory the process may use, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AllowedMemory {
    bytes: u64,
    /// The file with the limit; `None` for the machine itself.
    source: Option<String>,
}

impl AllowedMemory {
    /// Asks the files of the control groups. `machine_bytes` is the machine's memory, 0 if
    /// unknown. `None` if nothing is known.
    pub(super) fn read(machine_bytes: u64) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let files = limit_files(&groups);
        let texts = files.into_iter().filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            Some((path, text))
        });
        Self::least(machine_bytes, texts)
    }

    /// The least of the machine's memory and what the limits' texts say.
    fn least(machine_bytes: u64, texts: impl Iterator<Item = (String, String)>) -> Option<Self> {
        let machine = (machine_bytes > 0).then_some(Self {
            bytes: machine_bytes,
            source: None,
        });
        let limits = texts.filter_map(|(path, text)| {
            Some(Self {
                bytes: limit_bytes(&text)?,
                source: Some(path),
            })
        });
        // Of equals the first: the machine, which has no limit beyond its memory.
        machine
            .into_iter()
            .chain(limits)
            .min_by_key(|allowed| allowed.bytes)
    }

    /// What keys and values may take of it: a quarter is left for clients' buffers (a tenth),
    /// a snapshot on its way, and everybody else.
    pub(super) fn automatic_bytes(&self) -> u64 {
        self.bytes / 4 * 3
    }
}

impl fmt::Display for AllowedMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes ", self.bytes)?;
        match &self.source {
            None => formatter.write_str("of the machine"),
            Some(path) => write!(formatter, "that {path} allows"),
        }
    }
}

/// The files that may limit the memory of a process whose `/proc/self/cgroup` has this text.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        // hierarchy:controllers:path; the path may contain colons.
        let mut parts = line.splitn(3, ':');
        let (Some(hierarchy), Some(controllers), Some(path)) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if hierarchy == "0" && controllers.is_empty() {
            push_ancestors(&mut files, V2_ROOT, path, "memory.max");
        } else if controllers.split(',').any(|name| name == "memory") {
            push_ancestors(&mut files, V1_ROOT, path, "memory.limit_in_bytes");
        }
    }
    files
}

/// Adds a group's file and those of its ancestors up to the root.
fn push_ancestors(files: &mut Vec<String>, root: &str, path: &str, file: &str) {
    let mut group = path.trim_end_matches('/');
    // A group outside of what is mounted here is shown relative to it, and can't be found.
    if !group.starts_with('/') || group.split('/').any(|part| part == "..") {
        group = "";
    }
    for _ in 0..ANCESTORS_MAX {
        files.push(format!("{root}{group}/{file}"));
        match group.rfind('/') {
            Some(end) => group = &group[..end],
            None => return,
        }
    }
}

/// The limit in the text of such a file; `max` (v2) is none, and numbers near 2^63 (v1) are more
/// than any machine has.
fn limit_bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Debian 12 under systemd.
    const SERVICE_V2: &str = "0::/system.slice/evenkeel.service\n";
    /// A container with a namespace of its own.
    const CONTAINER_V2: &str = "0::/\n";
    /// A container without one, on a host with v1.
    const CONTAINER_V1: &str = "12:pids:/docker/3f2a\n\
        8:cpu,cpuacct:/docker/3f2a\n\
        5:memory:/docker/3f2a\n\
        1:name=systemd:/docker/3f2a\n\
        0::/system.slice/containerd.service\n";

    fn allowed(machine_bytes: u64, texts: &[(&str, &str)]) -> Option<(u64, Option<String>)> {
        let texts = texts
            .iter()
            .map(|&(path, text)| (path.to_owned(), text.to_owned()));
        AllowedMemory::least(machine_bytes, texts).map(|allowed| (allowed.bytes, allowed.source))
    }

    #[test]
    fn every_ancestor_is_asked() {
        assert_eq!(
            limit_files(SERVICE_V2),
            [
                "/sys/fs/cgroup/system.slice/evenkeel.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(limit_files(CONTAINER_V2), ["/sys/fs/cgroup/memory.max"]);
        assert_eq!(
            limit_files(CONTAINER_V1),
            [
                "/sys/fs/cgroup/memory/docker/3f2a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/system.slice/containerd.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
    }

    #[test]
    fn odd_lines_and_paths_are_survived() {
        for text in ["", "\n", "0:", "0::", "nonsense\n", "4:memoryless:/a"] {
            assert!(limit_files(text).len() <= 1, "{text:?}");
        }
        let outside = "0::/../../init.scope";
        assert_eq!(limit_files(outside), ["/sys/fs/cgroup/memory.max"]);
        let colon = limit_files("0::/a:b");
        assert_eq!(colon[0], "/sys/fs/cgroup/a:b/memory.max");
        let deep = format!("0::{}", "/x".repeat(10_000));
        assert_eq!(limit_files(&deep).len(), ANCESTORS_MAX);
    }

    #[test]
    fn the_least_limit_holds() {
        let gib = 1 << 30;
        let found = allowed(
            16 * gib,
            &[("a", "max\n"), ("b", "4294967296\n"), ("c", "8589934592\n")],
        );
        assert_eq!(found, Some((4 * gib, Some("b".to_owned()))));
        // What v1 says where there is no limit.
        let unlimited = allowed(16 * gib, &[("a", "9223372036854771712\n")]);
        assert_eq!(unlimited, Some((16 * gib, None)));
        assert_eq!(
            allowed(16 * gib, &[("a", "junk"), ("b", "0")]),
            Some((16 * gib, None))
        );
        assert_eq!(allowed(0, &[("a", "max")]), None);
        assert_eq!(
            allowed(0, &[("a", "100")]),
            Some((100, Some("a".to_owned())))
        );
    }

    #[test]
    fn three_quarters_are_for_keys() {
        let mut allowed = AllowedMemory {
            bytes: 1 << 30,
            source: None,
        };
        assert_eq!(allowed.automatic_bytes(), 805_306_368);
        assert_eq!(allowed.to_string(), "1073741824 bytes of the machine");
        allowed.source = Some("/sys/fs/cgroup/memory.max".to_owned());
        assert_eq!(
            allowed.to_string(),
            "1073741824 bytes that /sys/fs/cgroup/memory.max allows"
        );
        allowed.bytes = u64::MAX;
        assert!(allowed.automatic_bytes() < u64::MAX);
    }
}
