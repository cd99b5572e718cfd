//! The parameters: one row each, and nothing else to touch when one is added.
//!
//! A row's doc comment is the text users read in `--help` and `docs/CONFIG.md`: one paragraph of
//! plain English without links. Fields are named after the parameter, with the unit last.
//!
//! ```text
//! "name" field: Type = "default", Kind, Group, Access;
//! ```
//!
//! After a change run `make docs` to rewrite the page and the sample file.
//!
//! Not here: the grammar of a row (`row.rs`); types of values (`value.rs`); parameters of Redis
//! that mean nothing here (`without_effect.rs`), from where a name goes when it gets a row.

use std::fmt;

use super::error::BadValue;
use super::kind::{Kind, ParameterValue};
use super::memory::{MemoryLimit, MemoryShare};
use super::output_limit::OutputLimits;
use super::primary_address::PrimaryAddress;
use super::rename::Rename;
use super::row::{Access, Group, Row, parameters};
use super::users::UserLine;
use super::value::{self, ListenAddress, Percentile, SavePoint, choices};
use super::without_effect::WithoutEffect;
use crate::base::event_classes::EventClasses;
use crate::base::limits::BULK_BYTES_LIMIT;

/// Largest value of parameters that Redis keeps in a C `int`.
const INT_MAX: i64 = i32::MAX as i64;
/// Largest value of parameters that Redis keeps in a C `long long`.
const LONG_MAX: i64 = i64::MAX;
/// Most databases: each turn of the loop looks at the next deadline of every one.
pub(super) const DATABASES_MAX: i64 = 1024;
/// Most addresses in `bind`, as in Redis.
const BIND_ADDRESSES_MAX: usize = 16;
/// Most percentiles that INFO lists for a command.
const PERCENTILES_MAX: usize = 16;
/// Smallest limit on a request, so that no setting locks every client out.
const REQUEST_LIMIT_BYTES_MIN: u64 = 1 << 20;

choices! {
    /// How a request that is not a RESP array is answered.
    InlineReplies {
        /// Plain text for connections whose first request is a line ending in a bare line feed.
        Auto = "auto",
        /// Always RESP.
        Resp = "resp",
        /// Plain text for connections whose first request is a line.
        Plain = "plain",
    }
}

choices! {
    /// Which keys make room for others when memory is full.
    MemoryPolicy {
        /// Of the keys with a deadline, one not used for long.
        VolatileLru = "volatile-lru",
        /// Of the keys with a deadline, one not used often.
        VolatileLfu = "volatile-lfu",
        /// Of the keys with a deadline, any.
        VolatileRandom = "volatile-random",
        /// The key whose deadline is next.
        VolatileTtl = "volatile-ttl",
        /// A key not used for long.
        AllkeysLru = "allkeys-lru",
        /// A key not used often.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// None: writes that need memory are refused.
        Noeviction = "noeviction",
    }
}

choices! {
    /// What to do with a damaged snapshot.
    LoadDamaged {
        /// Refuse to start.
        No = "no",
        /// Start with what is intact.
        Salvage = "salvage",
    }
}

choices! {
    /// Which service manager is told about the server.
    Supervised {
        /// None.
        No = "no",
        /// systemd; it is an oddity worth a warning if it did not start the server.
        Systemd = "systemd",
        /// systemd, if it started the server.
        Auto = "auto",
        /// None: that manager is no more, and the name is accepted as Redis does.
        Upstart = "upstart",
    }
}

choices! {
    /// Who may call DEBUG.
    EnableDebug {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients of a Unix socket or a loopback address.
        Local = "local",
    }
}

choices! {
    /// Whether clients must show a certificate.
    AuthenticateClients {
        /// They are not asked.
        No = "no",
        /// They must.
        Yes = "yes",
        /// They may.
        Optional = "optional",
    }
}

choices! {
    /// Whether the certificate says which user a client is.
    CertifiedUser {
        /// It does not.
        Off = "off",
        /// By its common name.
        Cn = "cn",
    }
}

choices! {
    /// The channels of a user that is made new.
    ChannelDefault {
        /// All.
        Allchannels = "allchannels",
        /// None.
        Resetchannels = "resetchannels",
    }
}

choices! {
    /// The least severe messages that are logged.
    LogLevel {
        /// Everything, for finding faults.
        Debug = "debug",
        /// Connections and other frequent events.
        Verbose = "verbose",
        /// What an operator wants to see.
        Notice = "notice",
        /// Only what needs attention.
        Warning = "warning",
        /// No messages at all.
        Nothing = "nothing",
    }
}

parameters! {
    /// Addresses to listen on. An address with `-` before it is skipped when this machine does
    /// not have it, and any when its kernel has no such addresses (IPv6, say), as long as one is
    /// left. `*` stands for every IPv4 address and `::*` for every IPv6 address. With an empty list
    /// only the Unix socket is open. While the server runs, host names are not looked up.
    "bind" bind: Vec<ListenAddress> = "127.0.0.1 -::1",
    Kind::Words { max_count: BIND_ADDRESSES_MAX, word: "ADDRESS" }, Network, Mutable;

    /// TCP port to listen on. `0` is none if there is a Unix socket, else it picks a free one,
    /// which the log and `INFO` then name.
    "port" port: u16 = "6379",
    Kind::Integer { min: 0, max: u16::MAX as i64 }, Network, Mutable;

    /// Port for metrics, probes and the live page over HTTP; `0` for none. There, `/metrics` is for
    /// Prometheus and its like, `/healthz` and `/readyz` are for probes, `/` shows the server at
    /// work. Where `port` asks for a password, this one does, too (scheme Basic), but for probes.
    "http-port" http_port: u16 = "0",
    Kind::Integer { min: 0, max: u16::MAX as i64 }, Network, Fixed;

    /// Addresses that `http-port` is opened on, written as those of `bind`. Nothing is encrypted
    /// there: put a proxy before addresses that strangers reach.
    "http-bind" http_bind: Vec<ListenAddress> = "127.0.0.1 -::1",
    Kind::Words { max_count: BIND_ADDRESSES_MAX, word: "ADDRESS" }, Network, Fixed;

    /// Path of a Unix socket to listen on as well; empty for none.
    "unixsocket" unixsocket: Vec<u8> = "",
    Kind::Text, Network, Fixed;

    /// File permissions given to the Unix socket; `0` leaves them to the umask.
    "unixsocketperm" unixsocketperm: u32 = "0",
    Kind::Octal, Network, Fixed;

    /// Connections that may wait to be accepted. The operating system may allow fewer.
    "tcp-backlog" tcp_backlog: u32 = "511",
    Kind::Integer { min: 0, max: INT_MAX }, Network, Fixed;

    /// Seconds of silence after which the operating system probes whether a TCP peer is still
    /// there; `0` turns probes off. A change applies to connections opened after it.
    "tcp-keepalive" tcp_keepalive_seconds: u32 = "300",
    Kind::Integer { min: 0, max: INT_MAX }, Network, Mutable;

    /// Seconds without a request after which a connection is closed; `0` never closes one.
    "timeout" timeout_seconds: u32 = "0",
    Kind::Integer { min: 0, max: INT_MAX }, Clients, Mutable;

    /// Most connections open at once. A further one is told so and closed; but where a password is
    /// wanted, a connection that has not given it is closed in its place, if there is one.
    "maxclients" maxclients: u32 = "10000",
    Kind::Integer { min: 1, max: u32::MAX as i64 }, Clients, Mutable;

    /// Bytes of replies that may wait for a client, by class. A client for which more than the
    /// first number of bytes waits is closed at once; one for which more than the second number
    /// waits is closed after so many seconds of that. `0` is no limit. Clients that read slowly
    /// need no limit: the server reads nothing from them while 256 KiB wait for them, so it keeps
    /// no more than that and one reply.
    "client-output-buffer-limit" client_output_buffer_limit: OutputLimits =
        "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
    Kind::OutputLimits, Clients, Mutable;

    /// Most bytes of unfinished requests kept for one connection. A connection that needs more
    /// is closed.
    "client-query-buffer-limit" client_query_buffer_limit_bytes: u64 = "1gb",
    Kind::Memory { min_bytes: REQUEST_LIMIT_BYTES_MIN, max_bytes: LONG_MAX as u64 },
    Clients, Mutable;

    /// Most bytes in one argument of a request, and so in one key or string value.
    "proto-max-bulk-len" proto_max_bulk_bytes: u64 = "512mb",
    Kind::Memory { min_bytes: REQUEST_LIMIT_BYTES_MIN, max_bytes: BULK_BYTES_LIMIT as u64 },
    Protocol, Mutable;

    /// Form of replies to people who type into a raw TCP connection. With `auto` a connection
    /// gets plain text if its first request is a line that ends in a bare line feed, as `nc`
    /// sends it (programs send a carriage return, too), until it says `HELLO`; one that begins with
    /// 4 KiB or more at once is a program. `PING` is answered `+PONG` in any form. With `plain` any
    /// first line will do; with `resp` every connection gets the Redis protocol.
    "inline-replies" inline_replies: InlineReplies = "auto",
    Kind::Choice(InlineReplies::NAMES), Protocol, Mutable;

    /// Milliseconds for which requests that name keys wait while a script or a long transaction
    /// runs. After that they are answered BUSY, and `SCRIPT KILL` may end the script. Requests that
    /// touch no keys are served all the time. `0` is no limit.
    "busy-reply-threshold" ["lua-time-limit"] busy_reply_threshold_ms: u64 = "5000",
    Kind::Integer { min: 0, max: LONG_MAX }, Protocol, Mutable;

    /// Most memory that the variables of scripts may take; a script that needs more fails.
    /// Functions have as much again for theirs. `0` is the smaller of 256 MiB and a quarter of
    /// `maxmemory`.
    "lua-memory-limit" lua_memory_limit_bytes: u64 = "0",
    Kind::Memory { min_bytes: 0, max_bytes: LONG_MAX as u64 }, Memory, Mutable;

    /// Password of the user `default`, which a connection must give with `AUTH` or `HELLO` before
    /// anything else; empty for none. A change does not close connections that are already
    /// authenticated. Other users are `user …` lines, or stand in `aclfile`.
    "requirepass" requirepass: Vec<u8> = "",
    Kind::Text, Security, MutableSecret;

    /// Port for clients that encrypt (TLS 1.2 and 1.3), besides `port`; `0` for none. With `port 0`
    /// it is the only one.
    "tls-port" tls_port: u16 = "0",
    Kind::Integer { min: 0, max: 65_535 }, Security, Fixed;

    /// File with the server's certificate and those up to its authority, in PEM. All files of TLS
    /// are read again on SIGHUP and when one of these parameters is set; clients stay.
    "tls-cert-file" tls_cert_file: Vec<u8> = "",
    Kind::Text, Security, Mutable;

    /// File with the key of that certificate, in PEM, without a password.
    "tls-key-file" tls_key_file: Vec<u8> = "",
    Kind::Text, Security, Mutable;

    /// File with the certificates, in PEM, of authorities whose clients are let in.
    "tls-ca-cert-file" tls_ca_cert_file: Vec<u8> = "",
    Kind::Text, Security, Mutable;

    /// Folder with files of such certificates, in PEM, besides `tls-ca-cert-file`.
    "tls-ca-cert-dir" tls_ca_cert_dir: Vec<u8> = "",
    Kind::Text, Security, Mutable;

    /// Whether clients must show a certificate of an authority of `tls-ca-cert-file` or
    /// `tls-ca-cert-dir` (`yes`), may show one (`optional`), or are not asked (`no`).
    "tls-auth-clients" tls_auth_clients: AuthenticateClients = "yes",
    Kind::Choice(AuthenticateClients::NAMES), Security, Mutable;

    /// Whether a client is at once the user whose name is the common name of its certificate
    /// (`cn`), if there is such a user and it is on.
    "tls-auth-clients-user" tls_auth_clients_user: CertifiedUser = "off",
    Kind::Choice(CertifiedUser::NAMES), Security, Mutable;

    /// Versions that are spoken, of `TLSv1.2` and `TLSv1.3`; empty for both.
    "tls-protocols" tls_protocols: Vec<u8> = "",
    Kind::Text, Security, Mutable;

    /// Cipher suites of TLS 1.2 by OpenSSL's names, with colons between them; empty, or a list by
    /// strength, for all.
    "tls-ciphers" tls_ciphers: Vec<u8> = "",
    Kind::Text, Security, Mutable;

    /// Cipher suites of TLS 1.3, with colons between them; empty for all.
    "tls-ciphersuites" tls_ciphersuites: Vec<u8> = "",
    Kind::Text, Security, Mutable;

    /// Whether clients that connect again may resume their session, which saves them and the server
    /// most of a handshake.
    "tls-session-caching" tls_session_caching: bool = "yes",
    Kind::Boolean, Security, Mutable;

    /// Sessions of TLS 1.2 that are remembered; those of 1.3 are remembered by the clients.
    "tls-session-cache-size" tls_session_cache_size: u32 = "20480",
    Kind::Integer { min: 0, max: 1_000_000 }, Security, Mutable;

    /// Whether the link to the primary of `replicaof` is encrypted. This server shows the
    /// certificate of `tls-cert-file`, if there is one, and believes a primary whose certificate is
    /// signed by an authority of `tls-ca-cert-file` or `tls-ca-cert-dir`, whatever its name.
    "tls-replication" tls_replication: bool = "no",
    Kind::Boolean, Security, Mutable;

    /// File with users and their rights, a `user …` line each, in place of such lines here; empty
    /// for none. `ACL LOAD` reads it again, `ACL SAVE` writes it.
    "aclfile" acl_file: Vec<u8> = "",
    Kind::Text, Security, Fixed;

    /// Whether a new user may use all channels (`allchannels`) or none (`resetchannels`), until
    /// its rules say otherwise.
    "acl-pubsub-default" acl_pubsub_default: ChannelDefault = "resetchannels",
    Kind::Choice(ChannelDefault::NAMES), Security, Mutable;

    /// Refusals that `ACL LOG` remembers.
    "acllog-max-len" acl_log_entries_max: u32 = "128",
    Kind::Integer { min: 0, max: 1_000_000 }, Security, Mutable;

    /// Whether connections from other machines are refused while the user `default` needs no
    /// password. So a server that was made reachable by mistake serves its own machine only.
    "protected-mode" protected_mode: bool = "yes",
    Kind::Boolean, Security, Mutable;

    /// Another name for a command, or none with `""`: only who knows the name may call it. What is
    /// renamed keeps its old name in error texts, statistics and `COMMAND`.
    "rename-command" rename_command: Vec<Rename> = "",
    Kind::Rename, Security, FixedSecret;

    /// Who may call `DEBUG`, whose subcommands serve tests: `no` nobody, `yes` everybody, `local`
    /// clients of the Unix socket and of loopback addresses.
    "enable-debug-command" enable_debug_command: EnableDebug = "no",
    Kind::Choice(EnableDebug::NAMES), Security, Fixed;

    /// Number of databases a connection can choose from with `SELECT`, numbered from 0.
    "databases" databases: u32 = "16",
    Kind::Integer { min: 1, max: DATABASES_MAX }, Keyspace, Fixed;

    /// Seed of the hash that places keys; `0` draws a random one at start. A fixed seed makes
    /// a run repeatable, and lets clients who know it choose keys that collide.
    "hash-seed" hash_seed: u64 = "0",
    Kind::Integer { min: 0, max: LONG_MAX }, Keyspace, Fixed;

    /// Most bytes of a HyperLogLog in its sparse form; a longer one becomes dense and then has
    /// 12,304.
    "hll-sparse-max-bytes" hll_sparse_max_bytes: u64 = "3000",
    Kind::Memory { min_bytes: 0, max_bytes: LONG_MAX as u64 }, Keyspace, Mutable;

    /// Most fields of a hash whose encoding is called `listpack`; with more it is a `hashtable`.
    /// This and the like only choose the names that `OBJECT ENCODING` answers, which Redis's users
    /// know; small and large collections are kept here by their bytes.
    "hash-max-listpack-entries" ["hash-max-ziplist-entries"] hash_max_listpack_entries: u64 = "512",
    Kind::Integer { min: 0, max: LONG_MAX }, Keyspace, Mutable;

    /// Most bytes of a field or value of a hash whose encoding is called `listpack`.
    "hash-max-listpack-value" ["hash-max-ziplist-value"] hash_max_listpack_bytes: u64 = "64",
    Kind::Memory { min_bytes: 0, max_bytes: LONG_MAX as u64 }, Keyspace, Mutable;

    /// Size of a list whose encoding is called `listpack`; a larger one is a `quicklist`. Elements
    /// if positive; `-1` to `-5` are 4 KiB to 64 KiB, each twice the one before.
    "list-max-listpack-size" ["list-max-ziplist-size"] list_max_listpack_size: i64 = "-2",
    Kind::Integer { min: i32::MIN as i64, max: INT_MAX }, Keyspace, Mutable;

    /// Most members of a set of integers whose encoding is called `intset`.
    "set-max-intset-entries" set_max_intset_entries: u64 = "512",
    Kind::Integer { min: 0, max: LONG_MAX }, Keyspace, Mutable;

    /// Most members of a set whose encoding is called `listpack`; with more it is a `hashtable`.
    "set-max-listpack-entries" set_max_listpack_entries: u64 = "128",
    Kind::Integer { min: 0, max: LONG_MAX }, Keyspace, Mutable;

    /// Most bytes of a member of a set whose encoding is called `listpack`.
    "set-max-listpack-value" set_max_listpack_bytes: u64 = "64",
    Kind::Memory { min_bytes: 0, max_bytes: LONG_MAX as u64 }, Keyspace, Mutable;

    /// Most members of a sorted set whose encoding is called `listpack`; with more it is a
    /// `skiplist`.
    "zset-max-listpack-entries" ["zset-max-ziplist-entries"] zset_max_listpack_entries: u64 = "128",
    Kind::Integer { min: 0, max: LONG_MAX }, Keyspace, Mutable;

    /// Most bytes of a member of a sorted set whose encoding is called `listpack`.
    "zset-max-listpack-value" ["zset-max-ziplist-value"] zset_max_listpack_bytes: u64 = "64",
    Kind::Memory { min_bytes: 0, max_bytes: LONG_MAX as u64 }, Keyspace, Mutable;

    /// Most bytes of a chunk of entries of a stream; `0` is the most there can be, some 4 KiB.
    /// `XADD` and `XTRIM` remove whole chunks where they may trim approximately.
    "stream-node-max-bytes" stream_node_max_bytes: u64 = "4096",
    Kind::Memory { min_bytes: 0, max_bytes: LONG_MAX as u64 }, Keyspace, Mutable;

    /// Most entries of a chunk of a stream; `0` for as many as fit.
    "stream-node-max-entries" stream_node_max_entries: u64 = "100",
    Kind::Integer { min: 0, max: LONG_MAX }, Keyspace, Mutable;

    /// Most bytes that keys, values and what is kept about them may take; `0` for no limit.
    /// `auto` is three quarters of what the machine or the process's control groups allow,
    /// whichever is less. `CONFIG GET` and `INFO` answer the number in force; `maxmemory_auto`
    /// of `INFO` says whether it comes from `auto`.
    "maxmemory" maxmemory: MemoryLimit = "auto",
    Kind::MemoryOrAuto, Memory, Mutable;

    /// Which keys make room for others when memory is full. The names are those of Redis.
    "maxmemory-policy" maxmemory_policy: MemoryPolicy = "allkeys-lru",
    Kind::Choice(MemoryPolicy::NAMES), Memory, Mutable;

    /// Most memory that the buffers and queued transactions of all clients may take besides
    /// `maxmemory`: bytes, or a part of `maxmemory`; `0` for no limit. Above it large requests
    /// and replies are served one at a time, and clients that stand still meanwhile are closed.
    /// One request, transaction or reply takes a quarter of the memory at most, or this, if it is
    /// more. Keys are never evicted for clients. Fewer bytes than 1mb, and parts that are less than
    /// 8mb, are taken as that much.
    "maxmemory-clients" maxmemory_clients: MemoryShare = "10%",
    Kind::MemoryOrPercent, Memory, Mutable;

    /// When snapshots are taken by themselves: pairs of seconds and changes, each meaning so many
    /// seconds after the last snapshot if there were at least so many changes. An empty value
    /// takes none, nor does the end of the server.
    "save" save: Vec<SavePoint> = "60 1",
    Kind::SavePoints, Persistence, Mutable;

    /// Directory of the snapshot. Relative names of other files (`logfile`, `pidfile`,
    /// `unixsocket`, `aclfile`, those of TLS) begin here, too; `CONFIG GET` answers the absolute
    /// path.
    "dir" dir: Vec<u8> = ".",
    Kind::Text, Persistence, Fixed;

    /// Name of the snapshot's file. A snapshot is written under another name beside it and renamed
    /// when it is whole, so a whole snapshot is there at any moment.
    "dbfilename" dbfilename: Vec<u8> = "dump.evk",
    Kind::Text, Persistence, Fixed;

    /// Whether commands that change keys are refused while the last snapshot has failed. Redis
    /// refuses them by default; a cache goes on.
    "stop-writes-on-bgsave-error" stop_writes_on_bgsave_error: bool = "no",
    Kind::Boolean, Persistence, Mutable;

    /// What to do at the start with a snapshot that is damaged: `no` refuses to start, `salvage`
    /// starts with what is intact and keeps the damaged file beside it.
    "load-damaged" load_damaged: LoadDamaged = "no",
    Kind::Choice(LoadDamaged::NAMES), Persistence, Fixed;

    /// Host and port of a Redis or Valkey to move over: its keys are loaded and its changes
    /// followed, and clients may only read, until `REPLICAOF NO ONE`. Empty, or `no one`, for none.
    "replicaof" ["slaveof"] replicaof: PrimaryAddress = "",
    Kind::Words { max_count: 2, word: "HOST-PORT" }, Replication, Fixed;

    /// The user as whom this server enters there; empty for the user `default`.
    "masteruser" ["primaryuser"] primary_user: Vec<u8> = "",
    Kind::Text, Replication, MutableSecret;

    /// The password it gives there; empty for none.
    "masterauth" ["primaryauth"] primary_password: Vec<u8> = "",
    Kind::Text, Replication, MutableSecret;

    /// Seconds of silence after which the link to the primary is given up and tried again.
    "repl-timeout" repl_timeout_seconds: u32 = "60",
    Kind::Integer { min: 1, max: INT_MAX }, Replication, Mutable;

    /// The least severe messages that are logged.
    "loglevel" loglevel: LogLevel = "notice",
    Kind::Choice(LogLevel::NAMES), Logging, Mutable;

    /// File that log messages are appended to; empty for standard error.
    "logfile" logfile: Vec<u8> = "",
    Kind::Text, Logging, Fixed;

    /// Microseconds from which on a command is kept in the slow log; `-1` keeps none. Fast
    /// commands of a pipeline are timed together, unless this is below 1000.
    "slowlog-log-slower-than" ["commandlog-execution-slower-than"] slowlog_slower_than_us: i64 = "10000",
    Kind::Integer { min: -1, max: LONG_MAX }, Logging, Mutable;

    /// Entries kept in the slow log.
    "slowlog-max-len" ["commandlog-slow-execution-max-len"] slowlog_max_len: u64 = "128",
    Kind::Integer { min: 0, max: LONG_MAX }, Logging, Mutable;

    /// Milliseconds from which on `LATENCY` keeps a slow command or turn of the loop; `0` keeps
    /// none.
    "latency-monitor-threshold" latency_monitor_threshold_ms: u64 = "0",
    Kind::Integer { min: 0, max: LONG_MAX }, Logging, Mutable;

    /// Whether the durations of commands are counted by size, for `INFO latencystats` and
    /// `LATENCY HISTOGRAM`.
    "latency-tracking" latency_tracking: bool = "yes",
    Kind::Boolean, Logging, Mutable;

    /// Percentiles of the durations of commands that `INFO latencystats` lists; empty for none.
    "latency-tracking-info-percentiles" latency_percentiles: Vec<Percentile> = "50 99 99.9",
    Kind::Words { max_count: PERCENTILES_MAX, word: "PERCENTILE" }, Logging, Mutable;

    /// Which events of keys are published: `K` on the channel `__keyspace@0__:key`, `E` on the
    /// channel `__keyevent@0__:event`; `g$lshzxetd` are classes of events, `A` all of these
    /// classes, `n` new keys, `m` reads that find no key; empty for no events.
    "notify-keyspace-events" notify_keyspace_events: EventClasses = "",
    Kind::Text, Clients, Mutable;

    /// Keys that are remembered for clients with `CLIENT TRACKING`; above that some are forgotten
    /// and their clients told to drop them. `0`: no limit.
    "tracking-table-max-keys" tracking_table_max_keys: u64 = "1000000",
    Kind::Integer { min: 0, max: LONG_MAX }, Clients, Mutable;

    /// Whether the server tells systemd when it is ready, reloading and stopping, how far loading
    /// is, and that the loop still turns: `auto` does if systemd asks (`NOTIFY_SOCKET`), `systemd`
    /// warns if it does not ask; `no` and `upstart` tell nothing, and take no sockets from systemd.
    "supervised" supervised: Supervised = "auto",
    Kind::Choice(Supervised::NAMES), Service, Fixed;

    /// File to write the process id to once the server is ready; removed when it ends. Empty for
    /// none.
    "pidfile" pidfile: Vec<u8> = "",
    Kind::Text, Service, Fixed;

    /// Without effect: the server always stays in the foreground, and with `yes` says so in the
    /// log. A service manager or a shell puts it in the background.
    "daemonize" daemonize: bool = "no",
    Kind::Boolean, Service, Fixed;
}

impl fmt::Debug for Config {
    /// Every parameter by name, with sensitive values hidden.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = out.debug_struct("Config");
        for row in ROWS {
            let value = if row.is_sensitive() {
                b"(hidden)".to_vec()
            } else {
                row.get(self)
            };
            fields.field(row.name, &String::from_utf8_lossy(&value));
        }
        fields.finish()
    }
}
