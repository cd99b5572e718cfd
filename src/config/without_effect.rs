//! Parameters of Redis, Valkey and KeyDB that mean nothing here, so that their configuration files
//! load and their tools find what they ask for by name.
//!
//! ```text
//! "name" ["alias"] = "value Redis has unless told otherwise", Kind, Kept | KeptHidden | Absent;
//! ```
//!
//! 1. `Kept` is a hint about how Redis works inside: it is taken, shown by `CONFIG GET`, and
//!    changes nothing that a client could notice. `KeptHidden` is one of Valkey, KeyDB or a
//!    later Redis, by which tools would take this server for one of those, or one that serves
//!    Redis's own tests: a pattern of `CONFIG GET` does not find it.
//! 2. `Absent` is a promise this server does not keep (an append-only file, replicas …): the value
//!    stays what it is, whatever a file says, and `CONFIG SET` of another one is refused.
//! 3. A file that names any of them gets one warning (`notes.rs`).
//! 4. A name has a row here or in `table.rs`, never in both (`tests.rs`).
//!
//! Cost: a kept value that is not Redis's own takes its bytes and a node of a map.
//!
//! Not here: parameters that do something (`table.rs`); directives that are refused because a
//! server that ignores them would be open to strangers or lack commands (`file.rs`).

use std::collections::BTreeMap;

use super::error::BadValue;
use super::kind::Kind;
use super::row::{Access, Group, Row};
use super::text;

/// Values of kept parameters that are not what Redis has by itself, by canonical name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WithoutEffect {
    kept: BTreeMap<&'static str, Vec<u8>>,
}

impl WithoutEffect {
    fn get(&self, name: &str, kind: &Kind, default: &str) -> Vec<u8> {
        match self.kept.get(name) {
            Some(value) => value.clone(),
            None => kind.printed_default(default),
        }
    }

    fn set(
        &mut self,
        name: &'static str,
        kind: &Kind,
        default: &str,
        words: &[&[u8]],
    ) -> Result<(), BadValue> {
        let value = kind.printed(words)?;
        if value == kind.printed_default(default) {
            self.kept.remove(name);
        } else {
            self.kept.insert(name, value);
        }
        Ok(())
    }
}

const BOOLEAN: Kind = Kind::Boolean;
const TEXT: Kind = Kind::Text;
const INTEGER: Kind = Kind::Integer {
    min: i64::MIN,
    max: i64::MAX,
};
const MEMORY: Kind = Kind::Memory {
    min_bytes: 0,
    max_bytes: i64::MAX as u64,
};
const WORDS: Kind = Kind::Words {
    max_count: 64,
    word: "WORD",
};

macro_rules! without_effect {
    ($($name:literal $([$($alias:literal),+])? = $default:literal, $kind:expr, $access:ident;)+) => {
        /// One row per parameter, in alphabetical order within each part.
        pub static WITHOUT_EFFECT: &[Row] = &[$(Row {
            name: $name,
            aliases: &[$($($alias),+)?],
            kind: $kind,
            default: $default,
            group: Group::WithoutEffect,
            access: Access::$access,
            raw_doc: "",
            get: |config, kind| config.without_effect.get($name, kind, $default),
            set: |config, kind, words| {
                config.without_effect.set($name, kind, $default, words)
            },
            file_values: |config, kind| {
                let value = config.without_effect.get($name, kind, $default);
                vec![text::written(&value, kind.takes_words())]
            },
        },)+];
    };
}

without_effect! {
    // What Redis or one of its kin promises and this server does not offer.
    "active-replica" = "no", BOOLEAN, Absent;
    "appendonly" = "no", BOOLEAN, Absent;
    "auto-failover-on-shutdown" = "no", BOOLEAN, Absent;
    "bind-source-addr" = "", TEXT, Absent;
    "cluster-enabled" = "no", BOOLEAN, Absent;
    "min-replicas-to-write" ["min-slaves-to-write"] = "0", INTEGER, Absent;
    "multi-master" = "no", BOOLEAN, Absent;
    "rdma-bind" = "", TEXT, Absent;
    "rdma-port" = "0", INTEGER, Absent;
    "storage-provider" = "", WORDS, Absent;
    "syslog-enabled" = "no", BOOLEAN, Absent;
    "tls-allowlist" = "", WORDS, Absent;
    "tls-client-cert-file" = "", TEXT, Absent;
    "tls-client-key-file" = "", TEXT, Absent;
    "tls-client-key-file-pass" = "", TEXT, AbsentSecret;
    "tls-cluster" = "no", BOOLEAN, Absent;
    "tls-dh-params-file" = "", TEXT, Absent;
    "tls-key-file-pass" = "", TEXT, AbsentSecret;
    "unixsocketgroup" = "", TEXT, Absent;

    // How they work inside, and settings of what is absent.
    "active-defrag-cycle-max" = "25", INTEGER, Kept;
    "active-defrag-cycle-min" = "1", INTEGER, Kept;
    "active-defrag-cycle-us" = "500", INTEGER, KeptHidden;
    "active-defrag-ignore-bytes" = "100mb", MEMORY, Kept;
    "active-defrag-max-scan-fields" = "1000", INTEGER, Kept;
    "active-defrag-threshold-lower" = "10", INTEGER, Kept;
    "active-defrag-threshold-upper" = "100", INTEGER, Kept;
    "active-expire-effort" = "1", INTEGER, Kept;
    "activedefrag" = "no", BOOLEAN, Kept;
    "activerehashing" = "yes", BOOLEAN, Kept;
    "allow-rdb-resize-op" = "yes", BOOLEAN, KeptHidden;
    "always-show-logo" = "no", BOOLEAN, Kept;
    "aof-disable-auto-gc" = "no", BOOLEAN, Kept;
    "aof-load-truncated" = "yes", BOOLEAN, Kept;
    "aof-rewrite-incremental-fsync" = "yes", BOOLEAN, Kept;
    "aof-timestamp-enabled" = "no", BOOLEAN, Kept;
    "aof-use-rdb-preamble" = "yes", BOOLEAN, Kept;
    "aof_rewrite_cpulist" = "", TEXT, Kept;
    "appenddirname" = "appendonlydir", TEXT, Kept;
    "appendfilename" = "appendonly.aof", TEXT, Kept;
    "appendfsync" = "everysec", Kind::Choice(&["everysec", "always", "no"]), Kept;
    "auto-aof-rewrite-min-size" = "64mb", MEMORY, Kept;
    "auto-aof-rewrite-percentage" = "100", INTEGER, Kept;
    "availability-zone" = "", TEXT, KeptHidden;
    "bgsave_cpulist" = "", TEXT, Kept;
    "bio_cpulist" = "", TEXT, Kept;
    "cluster-allow-pubsubshard-when-down" = "yes", BOOLEAN, Kept;
    "cluster-allow-reads-when-down" = "no", BOOLEAN, Kept;
    "cluster-allow-replica-migration" = "yes", BOOLEAN, Kept;
    "cluster-announce-bus-port" = "0", INTEGER, Kept;
    "cluster-announce-client-ipv4" = "", TEXT, KeptHidden;
    "cluster-announce-client-ipv6" = "", TEXT, KeptHidden;
    "cluster-announce-client-port" = "0", INTEGER, KeptHidden;
    "cluster-announce-client-tls-port" = "0", INTEGER, KeptHidden;
    "cluster-announce-hostname" = "", TEXT, Kept;
    "cluster-announce-human-nodename" = "", TEXT, Kept;
    "cluster-announce-ip" = "", TEXT, Kept;
    "cluster-announce-port" = "0", INTEGER, Kept;
    "cluster-announce-tls-port" = "0", INTEGER, Kept;
    "cluster-blacklist-ttl" = "60", INTEGER, KeptHidden;
    "cluster-compatibility-sample-ratio" = "0", INTEGER, KeptHidden;
    "cluster-config-file" = "nodes.conf", TEXT, Kept;
    "cluster-config-save-behavior" = "sync", TEXT, KeptHidden;
    "cluster-databases" = "1", INTEGER, KeptHidden;
    "cluster-link-sendbuf-limit" = "0", MEMORY, Kept;
    "cluster-manual-failover-timeout" = "5000", INTEGER, KeptHidden;
    "cluster-message-gossip-perc" = "10", INTEGER, KeptHidden;
    "cluster-migration-barrier" = "1", INTEGER, Kept;
    "cluster-node-timeout" = "15000", INTEGER, Kept;
    "cluster-ping-interval" = "1000", INTEGER, KeptHidden;
    "cluster-port" = "0", INTEGER, Kept;
    "cluster-preferred-endpoint-type" = "ip", TEXT, Kept;
    "cluster-replica-no-failover" ["cluster-slave-no-failover"] = "no", BOOLEAN, Kept;
    "cluster-replica-validity-factor" ["cluster-slave-validity-factor"] = "10", INTEGER, Kept;
    "cluster-require-full-coverage" = "yes", BOOLEAN, Kept;
    "cluster-slot-migration-handoff-max-lag-bytes" = "1mb", MEMORY, KeptHidden;
    "cluster-slot-migration-log-max-len" = "1000", INTEGER, KeptHidden;
    "cluster-slot-migration-max-archived-tasks" = "32", INTEGER, KeptHidden;
    "cluster-slot-migration-sync-buffer-drain-timeout" = "60000", INTEGER, KeptHidden;
    "cluster-slot-migration-write-pause-timeout" = "10000", INTEGER, KeptHidden;
    "cluster-slot-stats-enabled" = "no", TEXT, KeptHidden;
    "commandlog-large-reply-max-len" = "128", INTEGER, KeptHidden;
    "commandlog-large-request-max-len" = "128", INTEGER, KeptHidden;
    "commandlog-reply-larger-than" = "1048576", INTEGER, KeptHidden;
    "commandlog-request-larger-than" = "1048576", INTEGER, KeptHidden;
    "crash-log-enabled" = "yes", BOOLEAN, Kept;
    "crash-memcheck-enabled" = "yes", BOOLEAN, Kept;
    "disable-thp" = "yes", BOOLEAN, Kept;
    "dual-channel-replication-enabled" = "no", BOOLEAN, KeptHidden;
    "dynamic-hz" = "yes", BOOLEAN, Kept;
    "enable-async-commands" = "no", BOOLEAN, KeptHidden;
    "enable-module-command" = "no", Kind::Choice(&["no", "yes", "local"]), Kept;
    "enable-protected-configs" = "no", Kind::Choice(&["no", "yes", "local"]), Kept;
    "events-per-io-thread" = "2", INTEGER, KeptHidden;
    "extended-redis-compatibility" = "no", BOOLEAN, KeptHidden;
    "force-eviction-percent" = "0", INTEGER, KeptHidden;
    "gopher-enabled" = "no", BOOLEAN, Kept;
    "hide-user-data-from-log" = "yes", BOOLEAN, KeptHidden;
    "hz" = "10", INTEGER, Kept;
    "ignore-warnings" = "", TEXT, Kept;
    "import-mode" = "no", BOOLEAN, KeptHidden;
    "io-threads" = "1", INTEGER, Kept;
    "io-threads-do-reads" = "no", BOOLEAN, Kept;
    "jemalloc-bg-thread" = "yes", BOOLEAN, Kept;
    "lazyexpire-nested-arbitrary-keys" = "yes", BOOLEAN, KeptHidden;
    "lazyfree-lazy-eviction" = "no", BOOLEAN, Kept;
    "lazyfree-lazy-expire" = "no", BOOLEAN, Kept;
    "lazyfree-lazy-server-del" = "no", BOOLEAN, Kept;
    "lazyfree-lazy-user-del" = "no", BOOLEAN, Kept;
    "lazyfree-lazy-user-flush" = "no", BOOLEAN, Kept;
    "lfu-decay-time" = "1", INTEGER, Kept;
    "lfu-log-factor" = "10", INTEGER, Kept;
    "list-compress-depth" = "0", INTEGER, Kept;
    "list-max-ziplist-entries" = "512", INTEGER, Kept;
    "list-max-ziplist-value" = "64", MEMORY, Kept;
    "locale-collate" = "", TEXT, Kept;
    "log-format" = "legacy", TEXT, KeptHidden;
    "log-timestamp-format" = "legacy", TEXT, KeptHidden;
    "lua-enable-deprecated-api" ["lua-enable-insecure-api"] = "no", BOOLEAN, KeptHidden;
    "max-new-connections-per-cycle" = "10", INTEGER, KeptHidden;
    "max-new-tls-connections-per-cycle" = "1", INTEGER, KeptHidden;
    "maxmemory-eviction-tenacity" = "10", INTEGER, Kept;
    "maxmemory-samples" = "5", INTEGER, Kept;
    "min-clients-per-thread" = "20", INTEGER, KeptHidden;
    "min-io-threads-avoid-copy-reply" = "7", INTEGER, KeptHidden;
    "min-replicas-max-lag" ["min-slaves-max-lag"] = "10", INTEGER, Kept;
    "min-string-size-avoid-copy-reply" = "16384", INTEGER, KeptHidden;
    "min-string-size-avoid-copy-reply-threaded" = "65536", INTEGER, KeptHidden;
    "mptcp" = "no", BOOLEAN, KeptHidden;
    "multi-master-no-forward" = "no", BOOLEAN, KeptHidden;
    "no-appendfsync-on-rewrite" = "no", BOOLEAN, Kept;
    "oom-score-adj" = "no", Kind::Choice(&["no", "yes", "relative", "absolute"]), Kept;
    "oom-score-adj-values" = "0 200 800", WORDS, Kept;
    "prefetch-batch-max-size" = "16", INTEGER, KeptHidden;
    "prefetch-enabled" = "yes", BOOLEAN, KeptHidden;
    "proc-title-template" = "{title} {listen-addr} {server-mode}", TEXT, Kept;
    "propagation-error-behavior" = "ignore", TEXT, Kept;
    "rdb-del-sync-files" = "no", BOOLEAN, Kept;
    "rdb-save-incremental-fsync" = "yes", BOOLEAN, Kept;
    "rdb-version-check" = "strict", TEXT, KeptHidden;
    "rdbchecksum" = "yes", BOOLEAN, Kept;
    "rdbcompression" = "yes", BOOLEAN, Kept;
    "rdma-completion-vector" = "-1", INTEGER, KeptHidden;
    "rdma-rx-size" = "1048576", INTEGER, KeptHidden;
    "repl-backlog-size" = "1mb", MEMORY, Kept;
    "repl-backlog-ttl" = "3600", INTEGER, Kept;
    "repl-disable-tcp-nodelay" = "no", BOOLEAN, Kept;
    "repl-diskless-load" = "disabled", TEXT, Kept;
    "repl-diskless-sync" = "yes", BOOLEAN, Kept;
    "repl-diskless-sync-delay" = "5", INTEGER, Kept;
    "repl-diskless-sync-max-replicas" = "0", INTEGER, Kept;
    "repl-mptcp" = "no", BOOLEAN, KeptHidden;
    "repl-ping-replica-period" ["repl-ping-slave-period"] = "10", INTEGER, Kept;
    "repl-rdb-channel" = "no", BOOLEAN, KeptHidden;
    "replica-announce-ip" ["slave-announce-ip"] = "", TEXT, Kept;
    "replica-announce-port" ["slave-announce-port"] = "0", INTEGER, Kept;
    "replica-announced" = "yes", BOOLEAN, Kept;
    "replica-full-sync-buffer-limit" = "0", MEMORY, KeptHidden;
    "replica-ignore-disk-write-errors" = "no", BOOLEAN, Kept;
    "replica-ignore-maxmemory" ["slave-ignore-maxmemory"] = "yes", BOOLEAN, Kept;
    "replica-lazy-flush" ["slave-lazy-flush"] = "no", BOOLEAN, Kept;
    "replica-priority" ["slave-priority"] = "100", INTEGER, Kept;
    "replica-read-only" ["slave-read-only"] = "yes", BOOLEAN, Kept;
    "replica-serve-stale-data" ["slave-serve-stale-data"] = "yes", BOOLEAN, Kept;
    "replica-weighting-factor" = "2", INTEGER, KeptHidden;
    "sanitize-dump-payload" = "no", Kind::Choice(&["no", "yes", "clients"]), Kept;
    "scratch-file-path" = "", TEXT, KeptHidden;
    "server-thread-affinity" = "false", TEXT, KeptHidden;
    "server-threads" = "1", INTEGER, KeptHidden;
    "server_cpulist" = "", TEXT, Kept;
    "set-proc-title" = "yes", BOOLEAN, Kept;
    "shutdown-on-sigint" = "default", WORDS, Kept;
    "shutdown-on-sigterm" = "default", WORDS, Kept;
    "shutdown-timeout" = "10", INTEGER, Kept;
    "socket-mark-id" = "0", INTEGER, Kept;
    "stream-idmp-duration" = "100", INTEGER, KeptHidden;
    "stream-idmp-maxsize" = "100", INTEGER, KeptHidden;
    "syslog-facility" = "local0", TEXT, Kept;
    "syslog-ident" = "redis", TEXT, Kept;
    "testmode" = "no", BOOLEAN, KeptHidden;
    "thread-priority" = "no", BOOLEAN, KeptHidden;
    "tls-auto-reload-interval" = "0", INTEGER, KeptHidden;
    "tls-prefer-server-ciphers" = "no", BOOLEAN, Kept;
    "tls-session-cache-timeout" = "300", INTEGER, Kept;
    "vset-force-single-threaded-execution" = "no", BOOLEAN, KeptHidden;

    // What serves Redis's own tests.
    "key-load-delay" = "0", INTEGER, KeptHidden;
    "loading-process-events-interval-bytes" = "2097152", INTEGER, KeptHidden;
    "rdb-key-save-delay" = "0", INTEGER, KeptHidden;
    "use-exit-on-panic" = "no", BOOLEAN, KeptHidden;
    "watchdog-period" = "0", INTEGER, KeptHidden;
}
